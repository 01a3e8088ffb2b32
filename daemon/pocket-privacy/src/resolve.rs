//! One list of what is to be replaced out of all that was found.

use crate::Kind;

/// Something that was found, in letters of a view.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Find {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// What it is, when that is known: the same number is the same thing.
    pub(crate) entity: Option<u32>,
}

impl Find {
    pub(crate) const fn new(kind: Kind, start: usize, end: usize) -> Self {
        Self {
            kind,
            start,
            end,
            entity: None,
        }
    }

    const fn length(&self) -> usize {
        self.end.saturating_sub(self.start)
    }
}

/// In their order, without overlaps: of several that overlap the widest says what they are together.
/// All that any of them covers is covered, so that no half of a number is left over.
pub(crate) fn resolve(mut finds: Vec<Find>) -> Vec<Find> {
    finds.retain(|find| find.start < find.end);
    // What is known by name stands before what was guessed of the same place.
    finds.sort_by_key(|find| {
        (
            find.start,
            std::cmp::Reverse(find.end),
            find.entity.is_none(),
            find.kind,
        )
    });
    let mut resolved: Vec<Find> = Vec::with_capacity(finds.len());
    let mut widest = 0;
    for find in finds {
        let Some(last) = resolved.last_mut().filter(|last| joins(last, &find)) else {
            widest = find.length();
            resolved.push(find);
            continue;
        };
        if find.length() > widest {
            widest = find.length();
            last.kind = find.kind;
        }
        if find.end > last.end {
            last.end = find.end;
            last.entity = None;
        }
    }
    resolved
}

/// The pieces of a long secret are one.
fn joins(last: &Find, next: &Find) -> bool {
    let pieces = last.kind == Kind::Secret && next.kind == Kind::Secret;
    next.start < last.end || pieces && next.start == last.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_wins_and_nothing_is_left_over() {
        let find = |kind, start, end| Find::new(kind, start, end);
        let finds = vec![
            find(Kind::Phone, 12, 20),
            find(Kind::Person, 0, 4),
            find(Kind::Email, 0, 9),
            find(Kind::Iban, 15, 40),
            find(Kind::Secret, 50, 60),
            find(Kind::Secret, 60, 64),
            find(Kind::Mac, 70, 70),
        ];
        let resolved = resolve(finds);
        let expected = [
            find(Kind::Email, 0, 9),
            find(Kind::Iban, 12, 40),
            find(Kind::Secret, 50, 64),
        ];
        assert_eq!(resolved, expected);
    }
}
