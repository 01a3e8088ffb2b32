//! Dates, in the ways of many countries.

use crate::labels::skip_some;
use crate::view::View;

/// A day of the calendar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Day {
    year: u32,
    month: u32,
    day: u32,
}

impl Day {
    /// Whether there is such a day, in years in which people that live may be born.
    fn exists(self) -> bool {
        (1..=12).contains(&self.month)
            && (1..=31).contains(&self.day)
            && (self.year < 100 || (1850..=2100).contains(&self.year))
    }

    fn is(self, other: Self) -> bool {
        let years = self.year == other.year || self.year.min(other.year) == self.year.max(other.year) % 100;
        years && (self.month, self.day) == (other.month, other.day)
    }
}

/// A date in a text. Day and month may be meant in either order.
pub(crate) struct Date {
    pub(crate) start: usize,
    pub(crate) end: usize,
    first: Day,
    other: Option<Day>,
}

impl Date {
    /// Whether it may mean `day`.
    pub(crate) fn may_be(&self, day: Day) -> bool {
        self.days().any(|one| one.is(day))
    }

    /// What it may mean.
    pub(crate) fn days(&self) -> impl Iterator<Item = Day> + use<> {
        [Some(self.first), self.other].into_iter().flatten()
    }
}

/// Gives every date of a text.
pub(crate) fn each(view: &View, visit: &mut dyn FnMut(Date)) {
    let mut at = 0;
    while at < view.len() {
        let digit = view.small(at).is_ascii_digit();
        let begins = if digit {
            !view.before(at).is_ascii_digit() && !behind_a_number(view, at)
        } else {
            view.begins_word(at)
        };
        let date = begins.then(|| {
            if digit {
                numeric(view, at).or_else(|| named(view, at))
            } else {
                english(view, at)
            }
        });
        match date.flatten() {
            Some(date) => {
                at = date.end;
                visit(date);
            }
            None => at += 1,
        }
    }
}

/// `1.12.3.1980` is no date.
fn behind_a_number(view: &View, at: usize) -> bool {
    at >= 2 && view.before(at) == '.' && view.before(at - 1).is_ascii_digit()
}

/// A number of at most four digits, and where it ends.
fn number(view: &View, at: usize) -> Option<(u32, usize, usize)> {
    let end = skip_some(view, at, 5, |letter| letter.is_ascii_digit());
    let digits = end - at;
    let value = view.text(at..end).parse().ok()?;
    (1..=4).contains(&digits).then_some((value, end, digits))
}

/// The sign between the parts of a date, and where the next part begins.
fn separator(view: &View, at: usize) -> Option<(char, usize)> {
    let sign = view.small(at);
    match sign {
        '.' | '/' | '-' => Some((
            sign,
            skip_some(view, at + 1, usize::from(sign == '.'), |letter| letter == ' '),
        )),
        '年' | '월' | '月' | '년' => Some(('年', skip_some(view, at + 1, 1, |letter| letter == ' '))),
        ' ' => Some((' ', at + 1)),
        _ => None,
    }
}

/// `12.03.1980`, `1980-03-12`, `3/12/80`, `1980年3月12日`.
fn numeric(view: &View, at: usize) -> Option<Date> {
    let (first, end, digits) = number(view, at)?;
    let (sign, next) = separator(view, end)?;
    let (second, end, second_digits) = number(view, next)?;
    let (other_sign, next) = separator(view, end)?;
    let (third, end, third_digits) = number(view, next)?;
    if sign != other_sign || second_digits > 2 || sign == ' ' && digits.max(third_digits) < 4 {
        return None;
    }
    let goes_on = view.small(end).is_ascii_digit()
        || view.small(end) == sign && sign != ' ' && view.small(end + 1).is_ascii_digit();
    let (one, other) = match (digits, third_digits) {
        (4, 1 | 2) => (
            Day {
                year: first,
                month: second,
                day: third,
            },
            None,
        ),
        (1 | 2, 4 | 2) => (
            Day {
                year: third,
                month: second,
                day: first,
            },
            Some(Day {
                year: third,
                month: first,
                day: second,
            }),
        ),
        _ => return None,
    };
    let mut days = [Some(one), other]
        .into_iter()
        .flatten()
        .filter(|day| day.exists());
    let first = days.next().filter(|_| !goes_on)?;
    let end = skip_some(view, end, 1, |letter| matches!(letter, '日' | '일'));
    Some(Date {
        start: at,
        end,
        first,
        other: days.next(),
    })
}

/// `12. März 1980`, `12th of March, 1980`, `12 de marzo de 1980`, `1980 March 12`.
fn named(view: &View, at: usize) -> Option<Date> {
    let (first, end, digits) = number(view, at)?;
    let end = past_ordinal(view, end);
    let end = past_filler(view, end);
    let (month, end) = month(view, end)?;
    let end = past_filler(view, end);
    let (last, end, last_digits) = number(view, end)?;
    let (year, day) = match (digits, last_digits) {
        (1 | 2, 4 | 2) => (last, first),
        (4, 1 | 2) => (first, last),
        _ => return None,
    };
    let first = Day { year, month, day };
    first.exists().then_some(Date {
        start: at,
        end,
        first,
        other: None,
    })
}

/// `March 12, 1980`, `Mar 12th 1980`.
fn english(view: &View, at: usize) -> Option<Date> {
    let (month, end) = month(view, at)?;
    let end = past_filler(view, end);
    let (day, end, digits) = number(view, end)?;
    let end = past_filler(view, past_ordinal(view, end));
    let (year, end, year_digits) = number(view, end)?;
    let first = Day { year, month, day };
    (digits <= 2 && year_digits == 4 && first.exists()).then_some(Date {
        start: at,
        end,
        first,
        other: None,
    })
}

fn past_ordinal(view: &View, at: usize) -> usize {
    const ORDINALS: [&str; 8] = ["st", "nd", "rd", "th", "er", "º", "o", "."];
    let found = ORDINALS.iter().find(|word| view.has(at, word));
    found.map_or(at, |word| at + word.chars().count())
}

/// Spaces, commas, and the small words between the parts.
fn past_filler(view: &View, at: usize) -> usize {
    const WORDS: [&str; 8] = ["of ", "de ", "del ", "d'", "den ", "do ", "the ", "da "];
    let sign = |letter| matches!(letter, ' ' | ',' | '.' | '-' | '/');
    let at = skip_some(view, at, 2, sign);
    let found = WORDS.iter().find(|word| view.has(at, word));
    found.map_or(at, |word| skip_some(view, at + word.len(), 1, sign))
}

/// The month that is named at `at`, and where its name ends.
fn month(view: &View, at: usize) -> Option<(u32, usize)> {
    if !view.begins_word(at) && !view.before(at).is_ascii_digit() {
        return None;
    }
    let end = skip_some(view, at, 14, char::is_alphabetic);
    if end - at < 2 || view.small(end).is_alphabetic() {
        return None;
    }
    let word = view.text(at..end);
    let found = MONTHS
        .iter()
        .position(|names| names.split(' ').any(|name| name == word));
    found
        .and_then(|index| u32::try_from(index + 1).ok())
        .map(|month| (month, end))
}

/// The names of the months, folded, in the forms that stand in dates.
const MONTHS: [&str; 12] = [
    "january jan januar janner jänner janvier janv enero ene gennaio gen janeiro januari stycznia styczen sty ledna leden \
     tammikuuta tammikuu tammi января январь янв ocak oca januara ianuarie januara ιανουαριου jaanuar sausio janvaris janar",
    "february feb februar feber fevrier fev fevr febrero febbraio febb fevereiro februari lutego luty lut unora unor \
     helmikuuta helmikuu helmi февраля февраль фев subat sub februara februarie φεβρουαριου veebruar vasario februaris",
    "march mar marz maerz mrz mars marzo marco maart mrt marca marzec brezna brezen maaliskuuta maaliskuu maalis марта март \
     мар mart martie marcius marts μαρτιου marts kovo",
    "april apr avril avr abril abr aprile aprila kwietnia kwiecien kwi dubna duben huhtikuuta huhtikuu huhti апреля апрель апр \
     nisan nis aprilie aprilis απριλιου balandzio aprilli",
    "may mai mayo maggio mag maio mei maj maja kvetna kveten toukokuuta toukokuu touko мая май mayis majus μαιου geguzes maijs \
     kvetna",
    "june jun juni juin junio giugno giu junho czerwca czerwiec cze cervna cerven kesakuuta kesakuu kesa июня июнь июн haziran \
     haz junija iunie junius ιουνιου birzelio junijs jun juuni",
    "july jul juli juillet juil julio luglio lug julho lipca lipiec lip cervence cervenec heinakuuta heinakuu heina июля июль \
     июл temmuz tem julija iulie julius ιουλιου liepos julijs juuli",
    "august aug aout agosto ago augustus augusti sierpnia sierpien sie srpna srpen elokuuta elokuu elo августа август авг \
     agustos avgusta augusztus αυγουστου rugpjucio augusts",
    "september sep sept septembre septiembre settembre set setembro wrzesnia wrzesien wrz zari syyskuuta syyskuu syys сентября \
     сентябрь сен сент eylul eyl septembra septembrie szeptember σεπτεμβριου rugsejo septembris",
    "october oct oktober okt octobre octubre ottobre ott outubro out pazdziernika pazdziernik paz rijna rijen lokakuuta lokakuu \
     loka октября октябрь окт ekim eki oktobra octombrie οκτωβριου spalio oktobris oktoober",
    "november nov novembre noviembre novembro listopada listopad lis marraskuuta marraskuu marras ноября ноябрь ноя kasim kas \
     novembra noiembrie νοεμβριου lapkricio novembris",
    "december dec dezember dez decembre diciembre dic dicembre dezembro desember grudnia grudzien gru prosince prosinec \
     joulukuuta joulukuu joulu декабря декабрь дек aralik ara decembra decembrie δεκεμβριου gruodzio decembris detsember",
];
