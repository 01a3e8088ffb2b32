use std::io::{self, Cursor, Read, Seek, SeekFrom};

use proptest::prelude::*;

use crate::head::{Head, Section, digest};
use crate::plan::{BLOCK, Plan};
use crate::{ParityError, Report, examine, protect, repair};

fn content(length: usize) -> Vec<u8> {
    (0..length)
        .map(|n| {
            u32::try_from(n)
                .unwrap()
                .wrapping_mul(2_654_435_761)
                .to_be_bytes()[0]
        })
        .collect()
}

fn parity_of(file: &[u8], percent: u8) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    protect(&mut Cursor::new(file), percent, &mut out).unwrap();
    out.into_inner()
}

fn mended(file: &[u8], parity: &[u8]) -> (Report, Vec<u8>) {
    let mut out = Cursor::new(Vec::new());
    let report = repair(&mut Cursor::new(file), &mut Cursor::new(parity), &mut out).unwrap();
    let seen = examine(&mut Cursor::new(file), &mut Cursor::new(parity)).unwrap();
    assert_eq!((seen.bad, seen.mendable), (report.bad, report.mendable));
    (report, out.into_inner())
}

#[test]
fn a_file_that_is_whole_is_said_to_be() {
    for length in [1, 4095, 4096, 4097, 100_000, 9_000_001] {
        let file = content(length);
        let parity = parity_of(&file, 10);
        let report = examine(&mut Cursor::new(&file), &mut Cursor::new(&parity)).unwrap();
        assert!(report.whole && report.bad == 0, "{length}: {report:?}");
        let (report, out) = mended(&file, &parity);
        assert!(report.whole && out == file, "{length}");
        let plan = Plan::new(u64::try_from(length).unwrap(), 10).unwrap();
        assert_eq!(u64::try_from(parity.len()).unwrap(), plan.total());
    }
}

#[test]
fn a_tenth_of_it_may_go_bad_side_by_side_and_the_file_may_be_cut() {
    let file = content(20_000_001);
    let parity = parity_of(&file, 10);
    assert!(parity.len() < file.len() * 12 / 100);
    for from in [0, 4_000_000, 18_000_000] {
        let mut bad = file.clone();
        bad[from..from + 1_950_000].fill(0);
        let (report, out) = mended(&bad, &parity);
        assert!(report.whole && out == file, "from {from}: {report:?}");
        assert!(report.bad > 470 && report.mendable == report.bad);
    }
    let (report, out) = mended(&file[..18_100_000], &parity);
    assert!(report.whole && out == file, "cut: {report:?}");

    // A fourth of it may not, and nothing is said to be whole.
    let mut bad = file.clone();
    bad[..5_000_000].fill(0);
    let (report, out) = mended(&bad, &parity);
    assert!(!report.whole && report.mendable < report.bad && out != file);
}

#[test]
fn a_file_that_grew_is_not_as_it_was_and_is_cut_back() {
    let file = content(50_000);
    let parity = parity_of(&file, 10);
    let longer = [file.as_slice(), b"more"].concat();
    let seen = examine(&mut Cursor::new(&longer), &mut Cursor::new(&parity)).unwrap();
    assert!(!seen.whole && seen.bad == 0);
    assert_eq!(mended(&longer, &parity).1, file);
}

#[test]
fn the_parity_file_may_go_bad_too() {
    let file = content(9_000_001);
    let good = parity_of(&file, 10);
    let mut bad = file.clone();
    bad[1_000_000..1_100_000].fill(0xff);
    let plan = Plan::new(9_000_001, 10).unwrap();
    let sections = usize::try_from(plan.parity_at(0, 0)).unwrap();
    let third = good.len() / 3;
    for (what, lost) in [
        ("its head", 0..4096),
        ("all before the parity", 0..sections),
        ("its end", good.len() - 50_000..good.len()),
        ("a third of it", sections..sections + third),
        ("a sector", sections + 10_000..sections + 10_512),
    ] {
        let mut parity = good.clone();
        parity[lost].fill(7);
        let (report, out) = mended(&bad, &parity);
        assert!(report.whole && out == file, "{what}: {report:?}");
    }
    let (report, out) = mended(&bad, &good[..good.len() - 50_000]);
    assert!(report.whole && out == file, "cut: {report:?}");
}

#[test]
fn what_is_no_parity_file_is_named() {
    let file = content(10_000);
    let parity = parity_of(&file, 10);
    let say = |parity: &[u8]| examine(&mut Cursor::new(&file), &mut Cursor::new(parity)).unwrap_err();
    assert!(matches!(say(b""), ParityError::NotParity));
    assert!(matches!(say(&file), ParityError::NotParity));
    assert!(
        matches!(say(&parity[..4096]), ParityError::NotParity),
        "out of all proportion"
    );
    let mut newer = parity;
    newer[16] = b'2';
    newer.truncate(20_000);
    assert!(matches!(say(&newer), ParityError::Newer));
    let mut out = Cursor::new(Vec::new());
    for percent in [0, 101] {
        let refused = protect(&mut Cursor::new(&file), percent, &mut out);
        assert!(matches!(refused, Err(ParityError::Size)));
    }
    let refused = protect(&mut Cursor::new(b""), 10, &mut out);
    assert!(matches!(refused, Err(ParityError::Size)));
}

/// A head, and behind it a hole of any length.
struct Sparse {
    head: [u8; BLOCK],
    size: u64,
    at: u64,
}

impl Read for Sparse {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.at)).unwrap();
        let from = usize::try_from(self.at).unwrap();
        let count = into.len().min(left);
        for (to, place) in into[..count].iter_mut().zip(from..) {
            *to = self.head.get(place).copied().unwrap_or(0);
        }
        self.at += u64::try_from(count).unwrap();
        Ok(count)
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            _ => self.size,
        };
        Ok(self.at)
    }
}

#[test]
fn a_hole_that_claims_a_long_file_has_nothing_written_or_read_for_it() {
    let plan = Plan::new(1 << 43, 1).unwrap();
    let head = Head {
        plan,
        sha256: [7; 32],
    }
    .to_block();
    let mut parity = Sparse {
        head,
        size: plan.total(),
        at: 0,
    };
    let file = content(1_000_000);
    let mut out = Cursor::new(Vec::new());
    let refused = repair(&mut Cursor::new(&file), &mut parity, &mut out).unwrap_err();
    assert!(matches!(refused, ParityError::Another) && out.into_inner().is_empty());
    let refused = examine(&mut Cursor::new(&file), &mut parity).unwrap_err();
    assert!(matches!(refused, ParityError::Another));

    // Of a file that may be so long: what is claimed of it is known of no block.
    let plan = Plan::new(1_000_000, 10).unwrap();
    let head = Head {
        plan,
        sha256: [7; 32],
    }
    .to_block();
    let mut parity = Sparse {
        head,
        size: plan.total(),
        at: 0,
    };
    let refused = examine(&mut Cursor::new(&file), &mut parity).unwrap_err();
    assert!(matches!(refused, ParityError::Another));
}

#[test]
fn the_parity_of_another_file_mends_nothing_into_that_one() {
    let (mut one, mut other) = (content(30_000), content(40_000));
    other.truncate(30_000);
    one.iter_mut().for_each(|byte| *byte ^= 0x5a);
    for percent in [10, 100] {
        let parity = parity_of(&other, percent);
        for left in [one.as_slice(), &[0; 30_000], &[]] {
            let refused = examine(&mut Cursor::new(left), &mut Cursor::new(&parity)).unwrap_err();
            assert!(matches!(refused, ParityError::Another), "{percent}");
            let mut out = Cursor::new(Vec::new());
            let refused = repair(&mut Cursor::new(left), &mut Cursor::new(&parity), &mut out);
            assert!(matches!(refused, Err(ParityError::Another)), "{percent}");
        }
        // One block of it is enough to know it by.
        let mut left = one.clone();
        left[..BLOCK].copy_from_slice(&other[..BLOCK]);
        assert_eq!(mended(&left, &parity).1, other);
    }
}

#[test]
fn as_much_as_the_parity_gives_back_may_be_cut_off_and_not_a_block_more() {
    let file = content(200_000);
    let parity = parity_of(&file, 10);
    let blocks = Plan::new(200_000, 10).unwrap().parity;
    // The last block is not full.
    let kept = 48 * BLOCK - (blocks - 1) * BLOCK;
    let (report, out) = mended(&file[..kept], &parity);
    assert!(report.whole && out == file, "{report:?}");
    let refused = examine(&mut Cursor::new(&file[..kept - BLOCK]), &mut Cursor::new(&parity));
    assert!(matches!(refused, Err(ParityError::Another)));
}

#[test]
fn rot_of_the_parity_file_is_seen_before_it_is_needed() {
    let file = content(9_000_001);
    let good = parity_of(&file, 10);
    let plan = Plan::new(9_000_001, 10).unwrap();
    let seen = |parity: &[u8]| examine(&mut Cursor::new(&file), &mut Cursor::new(parity)).unwrap();
    assert_eq!(seen(&good).parity_bad, 0);
    let [_, second_section] = plan.sections_at(1);
    let [_, second_head] = plan.heads_at();
    for at in [
        100,
        4096,
        plan.parity_at(0, 0),
        plan.parity_at(1, plan.parity - 1) + 4095,
        second_section,
        second_head,
    ] {
        let mut parity = good.clone();
        parity[usize::try_from(at).unwrap()] ^= 1;
        // What fills a head up says nothing, and is as it was all the same.
        let report = seen(&parity);
        assert!(report.whole && report.parity_bad == 1, "{at}: {report:?}");
    }
    let report = seen(&good[..good.len() - BLOCK]);
    assert!(report.whole && report.parity_bad == 1, "cut: {report:?}");
}

#[test]
fn blocks_of_which_nothing_is_known_are_counted_and_nothing_false_is_called_whole() {
    let file = content(9_000_001);
    let mut parity = parity_of(&file, 10);
    let plan = Plan::new(9_000_001, 10).unwrap();
    for at in plan.sections_at(1) {
        parity[usize::try_from(at).unwrap()] ^= 1;
    }
    let (report, out) = mended(&file, &parity);
    assert!(report.whole && out == file);
    assert_eq!(report.unknown, u64::try_from(plan.data(1)).unwrap());
    let mut bad = file;
    bad[usize::try_from(plan.data_at(1, 3)).unwrap()] ^= 1;
    let (report, out) = mended(&bad, &parity);
    assert!(!report.whole && report.bad == 0 && out == bad, "{report:?}");
}

#[test]
fn what_a_made_up_parity_gives_back_is_put_nowhere() {
    let file = content(100_000);
    let mut parity = parity_of(&file, 10);
    let plan = Plan::new(100_000, 10).unwrap();
    let head = Head::read(&mut Cursor::new(&parity)).unwrap();
    // Its parity blocks are others, and its digests say so: only what comes of them shows it.
    let mut section = Section::read(&mut Cursor::new(&parity), &head, 0).0.unwrap();
    for index in 0..plan.parity {
        let at = usize::try_from(plan.parity_at(0, index)).unwrap();
        parity[at..at + BLOCK].fill(9);
        section.parity[index] = digest(&[9; BLOCK]);
    }
    let bytes = section.to_bytes(&head, 0);
    for at in plan.sections_at(0) {
        let at = usize::try_from(at).unwrap();
        parity[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    let mut bad = file;
    bad[50_000] ^= 1;
    let (report, out) = mended(&bad, &parity);
    assert!(!report.whole && out == bad, "as it was in the damaged file");
}

#[test]
fn of_a_group_with_too_many_gaps_nothing_is_changed_and_the_others_are_mended() {
    let file = content(9_000_001);
    let parity = parity_of(&file, 10);
    let plan = Plan::new(9_000_001, 10).unwrap();
    assert_eq!(plan.groups, 2);
    let mut bad = file.clone();
    for index in 0..=plan.parity {
        bad[usize::try_from(plan.data_at(0, index)).unwrap()] ^= 1;
    }
    let mut expected = bad.clone();
    bad[usize::try_from(plan.data_at(1, 0)).unwrap()] ^= 1;
    let (report, out) = mended(&bad, &parity);
    assert_eq!(report.bad, u64::try_from(plan.parity + 2).unwrap());
    assert_eq!(report.mendable, 1);
    assert!(!report.whole && out == expected);
    // One gap less, and all of it comes back.
    expected[0] = file[0];
    let (report, out) = mended(&expected, &parity);
    assert!(report.whole && report.mendable == report.bad && out == file);
}

/// A card that answers with an error for some sectors.
struct Card {
    file: Cursor<Vec<u8>>,
    lost: std::ops::Range<u64>,
}

impl Read for Card {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let at = self.file.position();
        let end = at + u64::try_from(into.len()).unwrap();
        if at < self.lost.end && self.lost.start < end {
            return Err(io::Error::other("medium error"));
        }
        self.file.read(into)
    }
}

impl Seek for Card {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn sectors_that_can_not_be_read_are_filled_and_never_protected() {
    let file = content(300_000);
    let mut card = Card {
        file: Cursor::new(file.clone()),
        lost: 100_000..120_000,
    };
    let mut out = Cursor::new(Vec::new());
    let report = repair(&mut card, &mut Cursor::new(parity_of(&file, 10)), &mut out).unwrap();
    assert!(report.whole && report.bad == 6, "{report:?}");
    assert_eq!(out.into_inner(), file);
    let refused = protect(&mut card, 10, &mut Cursor::new(Vec::new()));
    assert!(matches!(refused, Err(ParityError::Read(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn as_many_blocks_as_there_is_parity_come_back_wherever_they_are(
        // More blocks than go bad: of a file of which nothing is left nobody knows whose it was.
        length in 40_000usize..400_000,
        percent in 1u8..=100,
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
    ) {
        let file = content(length);
        let parity = parity_of(&file, percent);
        let mut bad = file.clone();
        for place in places {
            bad[place.index(length)] ^= 0x55;
        }
        let (report, out) = mended(&bad, &parity);
        prop_assert!(report.whole && out == file);
    }

    #[test]
    fn whatever_a_parity_file_holds_nothing_breaks_and_nothing_false_is_whole(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let file = content(60_000);
        let mut parity = parity_of(&file, 20);
        for (place, byte) in changes {
            let place = place.index(parity.len());
            parity[place] = byte;
        }
        parity.truncate(cut.index(parity.len()));
        let mut bad = file.clone();
        bad[30_000] ^= 1;
        let mut out = Cursor::new(Vec::new());
        if let Ok(report) = repair(&mut Cursor::new(&bad), &mut Cursor::new(&parity), &mut out) {
            prop_assert_eq!(report.whole, out.into_inner() == file);
        }
    }
}
