//! Making an answer fit into a frame.

use pocket_core::{Answer, Entry, Failure, FailureKind};
use pocket_wire::{MAX_FRAME, Reply, encode_reply};
use zeroize::Zeroizing;

/// The reply as a frame. A page that is too large is cut, and says that there is more; of hits that
/// are too large the best remain. Anything else that is too large is a failure in words.
pub(crate) fn frame(reply: Result<Reply, Failure>) -> Zeroizing<Vec<u8>> {
    let mut reply = reply;
    loop {
        if let Ok(frame) = encode_reply(&reply) {
            return frame;
        }
        let is_shorter = reply.as_mut().is_ok_and(|reply| shorten(&mut reply.answer));
        if !is_shorter {
            reply = Err(Failure::new(
                FailureKind::Invalid,
                "the answer is too large for the control socket",
                "ask for less at a time; a record this large can be seen on the page",
            ));
        }
    }
}

/// Drops the end of what is listed; `false` when there are no two things to part.
fn shorten(answer: &mut Answer) -> bool {
    match answer {
        Answer::Page(page) if page.entries.len() > 1 => {
            let keep = fitting(page.entries.iter(), page.entries.len());
            page.entries.truncate(keep);
            page.more = true;
            true
        }
        Answer::Hits(hits) if hits.len() > 1 => {
            let keep = fitting(hits.iter().map(|hit| &hit.entry), hits.len());
            hits.truncate(keep);
            true
        }
        Answer::Audit(entries) if entries.len() > 1 => {
            entries.truncate(entries.len().div_ceil(2));
            true
        }
        _ => false,
    }
}

/// How many of the `length` entries fit by the length of their texts, from 1 to `length` - 1; half of
/// them where the texts alone would fit.
fn fitting<'a>(entries: impl Iterator<Item = &'a Entry>, length: usize) -> usize {
    let mut bytes = 0usize;
    let fits = |entry: &&Entry| {
        let record = entry.content.record();
        record.for_each_text(&mut |text| bytes = bytes.saturating_add(text.len()));
        bytes <= MAX_FRAME
    };
    match entries.take_while(fits).count() {
        0 => 1,
        all if all == length => length.div_ceil(2),
        some => some,
    }
}

#[cfg(test)]
mod tests {
    use pocket_core::{Content, Entry, Note, Origin, Page, Record, RecordId, Timestamp};
    use pocket_wire::decode_reply;

    use super::*;

    fn entry(number: u8, bytes: usize) -> Entry {
        let note = Note {
            title: "n".to_owned(),
            body: "x".repeat(bytes),
            ..Note::default()
        };
        let Ok(content) = Content::check(Record::Note(note)) else {
            panic!("a good note");
        };
        Entry {
            id: RecordId::from_bytes([number; 16]),
            created: Timestamp::default(),
            updated: Timestamp::default(),
            revision: 1,
            origin: Origin::Owner,
            content,
        }
    }

    fn through(answer: Answer) -> Result<Reply, Failure> {
        let frame = frame(Ok(Reply {
            answer,
            payload: None,
        }));
        decode_reply(&frame[4..]).unwrap()
    }

    #[test]
    fn a_page_that_is_too_large_is_cut_and_says_so() {
        let entries: Vec<Entry> = (0..8).map(|number| entry(number, 3 * 1024 * 1024)).collect();
        let Ok(Reply {
            answer: Answer::Page(page),
            ..
        }) = through(Answer::Page(Page {
            entries,
            total: 8,
            more: false,
        }))
        else {
            panic!("not a page");
        };
        let ids: Vec<u8> = page.entries.iter().map(|entry| entry.id.as_bytes()[0]).collect();
        assert_eq!(ids, [0, 1, 2]);
        assert!(page.more);
        assert_eq!(page.total, 8);
    }

    #[test]
    fn texts_that_only_just_fit_leave_no_room_for_the_rest_and_are_cut_too() {
        let entries: Vec<Entry> = (0..4).map(|number| entry(number, MAX_FRAME / 4 - 1)).collect();
        let page = Page {
            entries,
            total: 4,
            more: false,
        };
        let reply = through(Answer::Page(page));
        assert!(
            matches!(reply, Ok(Reply { answer: Answer::Page(page), .. }) if page.entries.len() == 2 && page.more)
        );
    }

    #[test]
    fn a_page_that_fits_is_left_alone() {
        let page = Page {
            entries: vec![entry(1, 10), entry(2, 10)],
            total: 2,
            more: false,
        };
        assert!(matches!(
            through(Answer::Page(page)),
            Ok(Reply { answer: Answer::Page(page), .. }) if page.entries.len() == 2 && !page.more
        ));
    }

    #[test]
    fn what_can_not_be_cut_is_a_failure_in_words() {
        let payload = pocket_crypto::SecretBytes::new(vec![0; pocket_wire::MAX_FRAME]);
        let frame = frame(Ok(Reply {
            answer: Answer::Done,
            payload: Some(payload),
        }));
        let failure = decode_reply(&frame[4..]).unwrap().err().expect("a failure");
        assert_eq!(failure.kind, FailureKind::Invalid);
    }
}
