//! Numbers of digits alone, by country: how they are written, and their check digits as the offices that
//! give them publish them.

use super::Written;
use crate::find::bank::luhn;

/// Whether it is a number of one of the countries.
pub(super) fn is_known(written: &Written) -> bool {
    KNOWN.iter().any(|check| check(written))
}

const KNOWN: [fn(&Written) -> bool; 29] = [
    america,
    argentina,
    australia,
    austria,
    belgium,
    brazil,
    britain,
    bulgaria,
    canada,
    chile,
    czechia,
    denmark,
    estonia,
    france,
    germany,
    greece,
    india,
    japan,
    korea,
    latvia,
    norway,
    poland,
    romania,
    russia,
    south_africa,
    sweden,
    switzerland,
    thailand,
    turkey,
];

impl Written {
    /// Whether the groups are `groups`, with one of `signs` between them.
    fn as_groups(&self, groups: &[usize], signs: &str) -> bool {
        self.groups == groups && self.signs.iter().all(|sign| signs.contains(*sign))
    }

    fn whole(&self, length: usize) -> bool {
        self.groups == [length]
    }

    fn digit(&self, at: usize) -> u32 {
        self.digits.get(at).copied().unwrap_or_default()
    }

    /// The number that stands in `length` digits from `at` on.
    fn value(&self, at: usize, length: usize) -> u64 {
        let digits = self.digits.iter().skip(at).take(length);
        digits.fold(0, |value: u64, digit| {
            value.saturating_mul(10).saturating_add(u64::from(*digit))
        })
    }

    /// The sum of the digits from `at` on, each times its weight.
    fn weighed(&self, at: usize, weights: &[u32]) -> u32 {
        let digits = self.digits.iter().skip(at);
        digits.zip(weights).map(|(digit, weight)| digit * weight).sum()
    }

    /// Whether day and month stand at these places.
    fn is_day(&self, day: usize, month: usize) -> bool {
        (1..=31).contains(&self.value(day, 2)) && (1..=12).contains(&self.value(month, 2))
    }

    fn all_alike(&self) -> bool {
        self.digits.iter().all(|digit| Some(digit) == self.digits.first())
    }
}

/// Social security number, and the number of taxpayers who have none.
fn america(written: &Written) -> bool {
    let (area, group, serial) = (written.value(0, 3), written.value(3, 2), written.value(5, 4));
    let right = area != 0 && area != 666 && group != 0 && serial != 0;
    written.as_groups(&[3, 2, 4], "- .") && right && (area < 900 || group >= 50)
}

/// CUIT and CUIL.
fn argentina(written: &Written) -> bool {
    let sum = written.weighed(0, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    let check = match 11 - sum % 11 {
        11 => 0,
        10 => 9,
        check => check,
    };
    written.as_groups(&[2, 8, 1], "-") && matches!(written.value(0, 2), 20..=34) && check == written.digit(10)
}

/// Tax file number, and the number on a Medicare card.
fn australia(written: &Written) -> bool {
    let tax = written.as_groups(&[3, 3, 3], " ")
        && written
            .weighed(0, &[1, 4, 3, 7, 5, 8, 6, 9, 10])
            .is_multiple_of(11);
    let check = written.weighed(0, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == written.digit(8);
    tax && !written.all_alike()
        || written.as_groups(&[4, 5, 1], " -") && matches!(written.digit(0), 2..=6) && check
}

/// Sozialversicherungsnummer: a check digit within, a day of birth behind.
fn austria(written: &Written) -> bool {
    let sum = written.weighed(0, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    let form = written.as_groups(&[4, 6], " -/") || written.whole(10);
    form && sum % 11 == written.digit(3) && written.digit(0) > 0 && written.is_day(4, 6)
}

/// Rijksregisternummer.
fn belgium(written: &Written) -> bool {
    let form = written.whole(11)
        || written.as_groups(&[2, 2, 2, 3, 2], ".-/ ")
        || written.as_groups(&[6, 3, 2], ".- ");
    let number = written.value(0, 9);
    let check = |number: u64| 97 - number % 97 == written.value(9, 2);
    form && written.value(2, 2) <= 12
        && written.value(4, 2) <= 31
        && (check(number) || check(2_000_000_000 + number))
}

/// CPF and CNPJ.
fn brazil(written: &Written) -> bool {
    let rest = |sum: u32| if sum % 11 < 2 { 0 } else { 11 - sum % 11 };
    let person = written.whole(11) || written.as_groups(&[3, 3, 3, 2], ".-");
    if person {
        let one = rest(written.weighed(0, &[10, 9, 8, 7, 6, 5, 4, 3, 2]));
        let two = rest(written.weighed(0, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]));
        return one == written.digit(9) && two == written.digit(10) && !written.all_alike();
    }
    let company = written.whole(14) || written.as_groups(&[2, 3, 3, 4, 2], "./-");
    let one = rest(written.weighed(0, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    let two = rest(written.weighed(0, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]));
    company && one == written.digit(12) && two == written.digit(13) && !written.all_alike()
}

/// NHS number.
fn britain(written: &Written) -> bool {
    let check = (11 - written.weighed(0, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    written.as_groups(&[3, 3, 4], " -") && check == written.digit(9) && !written.all_alike()
}

/// EGN: the month holds the century.
fn bulgaria(written: &Written) -> bool {
    let sum = written.weighed(0, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    let month = written.value(2, 2) % 20;
    written.whole(10)
        && sum == written.digit(9)
        && (1..=12).contains(&month)
        && (1..=31).contains(&written.value(4, 2))
}

/// Social insurance number.
fn canada(written: &Written) -> bool {
    written.as_groups(&[3, 3, 3], " -") && written.digit(0) != 0 && luhn(&written.digits)
}

/// RUT, with a digit at the end; the one with a K is in `letters.rs`.
fn chile(written: &Written) -> bool {
    let form = written.as_groups(&[2, 3, 3, 1], ".-")
        || written.as_groups(&[1, 3, 3, 1], ".-")
        || written.as_groups(&[8, 1], "-");
    let body = written.digits.len().saturating_sub(1);
    let weights = [2, 3, 4, 5, 6, 7];
    let digits = written.digits.iter().take(body).rev().zip(weights.iter().cycle());
    let sum: u32 = digits.map(|(digit, weight)| digit * weight).sum();
    form && (11 - sum % 11) % 11 == written.digit(body)
}

/// Rodné číslo, of Slovakia too: the month of women is 50 more.
fn czechia(written: &Written) -> bool {
    let month = written.value(2, 2) % 50 % 20;
    let form = written.as_groups(&[6, 4], "/") || written.as_groups(&[6, 3], "/");
    form && (1..=12).contains(&month) && (1..=31).contains(&written.value(4, 2))
}

/// CPR; numbers since 2007 have no check digit, so those without a sign need one.
fn denmark(written: &Written) -> bool {
    let check = written
        .weighed(0, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1])
        .is_multiple_of(11);
    let form = written.as_groups(&[6, 4], "- ") && written.signs.contains(&'-') || written.whole(10) && check;
    form && written.is_day(0, 2)
}

/// Isikukood, of Lithuania too.
fn estonia(written: &Written) -> bool {
    let sum = written.weighed(0, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let again = written.weighed(0, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
    let check = if sum < 10 { sum } else { again };
    written.whole(11)
        && matches!(written.digit(0), 1..=6)
        && written.is_day(5, 3)
        && check == written.digit(10)
}

/// NIR, the number of the Sécurité sociale.
fn france(written: &Written) -> bool {
    let month = written.value(3, 2);
    let number = written.value(0, 13);
    let right =
        matches!(written.digit(0), 1..=4 | 7 | 8) && (matches!(month, 1..=12 | 20 | 30..=42 | 50..=99));
    written.digits.len() == 15 && right && 97 - number % 97 == written.value(13, 2)
}

/// Steuer-Identifikationsnummer: of the first ten digits one or two are there more than once.
fn germany(written: &Written) -> bool {
    let form = written.whole(11) || written.as_groups(&[2, 3, 3, 3], " ");
    let product = written.digits.iter().take(10).fold(10, |product, digit| {
        let sum = (digit + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    let times = |digit: u32| {
        written
            .digits
            .iter()
            .take(10)
            .filter(|one| **one == digit)
            .count()
    };
    let repeated = (0..10).filter(|digit| times(*digit) > 1).count();
    let most = (0..10).map(times).max().unwrap_or_default();
    form && written.digit(0) != 0 && (11 - product) % 10 == written.digit(10) && repeated == 1 && most <= 3
}

/// AMKA.
fn greece(written: &Written) -> bool {
    written.whole(11) && written.is_day(0, 2) && luhn(&written.digits)
}

/// Aadhaar: the check digit of Verhoeff.
fn india(written: &Written) -> bool {
    let form = written.whole(12) || written.as_groups(&[4, 4, 4], " -");
    form && written.digit(0) > 1 && !written.all_alike() && verhoeff(&written.digits)
}

fn verhoeff(digits: &[u32]) -> bool {
    const PLACES: [[u32; 10]; 8] = [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
        [1, 5, 7, 6, 2, 8, 3, 0, 9, 4],
        [5, 8, 0, 3, 7, 9, 6, 1, 4, 2],
        [8, 9, 1, 6, 0, 4, 3, 5, 2, 7],
        [9, 4, 5, 3, 1, 2, 6, 8, 7, 0],
        [4, 2, 8, 6, 5, 7, 3, 9, 0, 1],
        [2, 7, 9, 3, 8, 0, 6, 4, 1, 5],
        [7, 0, 4, 6, 9, 1, 3, 2, 5, 8],
    ];
    // Multiplication in the symmetries of the pentagon: turns are 0 to 4, mirrorings 5 to 9.
    let times = |one: u32, other: u32| match (one < 5, other < 5) {
        (true, true) => (one + other) % 5,
        (true, false) => (one + other) % 5 + 5,
        (false, true) => (one + 5 - other) % 5 + 5,
        (false, false) => (one + 5 - other) % 5,
    };
    let turned = |place: usize, digit: u32| {
        let row = PLACES.get(place % 8);
        row.and_then(|row| usize::try_from(digit).ok().and_then(|at| row.get(at)))
            .copied()
            .unwrap_or_default()
    };
    let digits = digits.iter().rev().enumerate();
    digits.fold(0, |sum, (place, digit)| times(sum, turned(place, *digit))) == 0
}

/// The individual number.
fn japan(written: &Written) -> bool {
    let sum = written.weighed(0, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if sum < 2 { 0 } else { 11 - sum };
    written.as_groups(&[4, 4, 4], " -") && check == written.digit(11)
}

/// Resident registration number.
fn korea(written: &Written) -> bool {
    written.as_groups(&[6, 7], "-") && written.is_day(4, 2) && written.digit(6) != 0
}

/// Personas kods.
fn latvia(written: &Written) -> bool {
    let old = written.is_day(0, 2) && written.digit(6) <= 2;
    written.as_groups(&[6, 5], "-") && (old || written.value(0, 2) == 32)
}

/// Fødselsnummer; the day of those who only live there for a time is 40 more.
fn norway(written: &Written) -> bool {
    let form = written.whole(11) || written.as_groups(&[6, 5], " ");
    let one = (11 - written.weighed(0, &[3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11) % 11;
    let two = (11 - written.weighed(0, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let date =
        (1..=31).contains(&(written.value(0, 2) % 40)) && (1..=12).contains(&(written.value(2, 2) % 40));
    form && date && one == written.digit(9) && two == written.digit(10)
}

/// PESEL: the month holds the century.
fn poland(written: &Written) -> bool {
    let check = (10 - written.weighed(0, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10;
    let date = (1..=12).contains(&(written.value(2, 2) % 20)) && (1..=31).contains(&written.value(4, 2));
    written.whole(11) && date && check == written.digit(10)
}

/// CNP, and JMBG of the south Slavic countries.
fn romania(written: &Written) -> bool {
    let sum = written.weighed(0, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11 % 10;
    let romanian = written.digit(0) != 0 && written.is_day(5, 3) && sum == written.digit(12);
    let check = (11 - written.weighed(0, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let slavic = written.is_day(0, 2)
        && matches!(written.value(4, 3), 0..=30 | 850..=999)
        && check == written.digit(12);
    written.whole(13) && (romanian || slavic)
}

/// СНИЛС, and the ИНН of a person.
fn russia(written: &Written) -> bool {
    let sum = written.weighed(0, &[9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101 % 100;
    let insured = written.as_groups(&[3, 3, 3, 2], "- ")
        && u64::from(sum) == written.value(9, 2)
        && !written.all_alike();
    let one = written.weighed(0, &[7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    let two = written.weighed(0, &[3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) % 11 % 10;
    insured
        || written.whole(12) && one == written.digit(10) && two == written.digit(11) && !written.all_alike()
}

/// Identity number.
fn south_africa(written: &Written) -> bool {
    let form =
        written.whole(13) || written.as_groups(&[6, 4, 3], " ") || written.as_groups(&[6, 4, 2, 1], " ");
    form && written.is_day(4, 2) && written.digit(10) <= 2 && luhn(&written.digits)
}

/// Personnummer; the day of a samordningsnummer is 60 more.
fn sweden(written: &Written) -> bool {
    let form = written.whole(10)
        || written.whole(12)
        || written.as_groups(&[6, 4], "-+")
        || written.as_groups(&[8, 4], "-");
    let century = written.digits.len().saturating_sub(10);
    let date = (1..=12).contains(&written.value(century + 2, 2))
        && (1..=31).contains(&(written.value(century + 4, 2) % 60));
    let own = written.digits.get(century..).unwrap_or_default();
    let years = century == 0 || matches!(written.value(0, 2), 18..=20);
    form && date && years && luhn(own)
}

/// AHV-Nummer, an EAN with the country's code.
fn switzerland(written: &Written) -> bool {
    let form = written.whole(13) || written.as_groups(&[3, 4, 4, 2], ". ");
    let sum = written.weighed(0, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]);
    form && written.value(0, 3) == 756 && (10 - sum % 10) % 10 == written.digit(12)
}

/// Citizen's number.
fn thailand(written: &Written) -> bool {
    let sum = written.weighed(0, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    written.as_groups(&[1, 4, 5, 2, 1], "- ") && (11 - sum % 11) % 10 == written.digit(12)
}

/// T.C. kimlik numarası.
fn turkey(written: &Written) -> bool {
    let odd: u32 = [0, 2, 4, 6, 8].iter().map(|at| written.digit(*at)).sum();
    let even: u32 = [1, 3, 5, 7].iter().map(|at| written.digit(*at)).sum();
    let one = (odd * 7 + 100 - even) % 10;
    let two = (odd + even + written.digit(9)) % 10;
    written.whole(11) && written.digit(0) != 0 && one == written.digit(9) && two == written.digit(10)
}
