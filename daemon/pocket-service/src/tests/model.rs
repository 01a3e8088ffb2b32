//! Random operations against a simple reference: whatever happens, the device holds what a map would.

use std::collections::BTreeMap;

use pocket_testkit::{Shown, content};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Add(Shown),
    Delete(Index),
    Edit(Index, Shown),
    Import(Vec<Shown>),
    List,
    Rekey(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => content().prop_map(Step::Add),
        3 => any::<Index>().prop_map(Step::Delete),
        4 => (any::<Index>(), content()).prop_map(|(index, content)| Step::Edit(index, content)),
        2 => proptest::collection::vec(content(), 1..6).prop_map(Step::Import),
        3 => Just(Step::List),
        1 => (0..8_usize).prop_map(Step::Rekey),
        1 => Just(Step::Restart),
    ]
}

/// What the device must hold.
#[derive(Default)]
struct Model(BTreeMap<(Category, RecordId), (Content, u32)>);

impl Model {
    fn pick(&self, index: Index) -> Option<(Category, RecordId)> {
        if self.0.is_empty() {
            None
        } else {
            self.0.keys().nth(index.index(self.0.len())).copied()
        }
    }
}

fn take(device: &mut Device, model: &mut Model, step: Step) {
    match step {
        Step::Add(Shown(content)) => {
            let id = device.add(content.record().clone());
            model.0.insert((content.category(), id), (content, 1));
        }
        Step::Delete(index) => {
            let Some((category, id)) = model.pick(index) else {
                return;
            };
            device.ask(Operation::Delete { category, id }).map(drop).unwrap();
            model.0.remove(&(category, id));
        }
        Step::Edit(index, Shown(content)) => {
            let Some((category, id)) = model.pick(index) else {
                return;
            };
            let same = content.category() == category;
            let edited = device.ask(Operation::Edit {
                id,
                content: Box::new(content.clone()),
                revision: None,
            });
            assert_eq!(edited.is_ok(), same);
            if let (true, Some(known)) = (same, model.0.get_mut(&(category, id))) {
                *known = (content, known.1 + 1);
            }
        }
        Step::Import(contents) => import(device, model, contents),
        Step::List => compare(device, model),
        Step::Rekey(number) => {
            let mut categories = Category::ALL
                .into_iter()
                .filter(|category| category.holds_records());
            let category = categories.nth(number).expect("there are eight of them");
            let rekeyed = device.ask(Operation::CategoryRekey { category });
            rekeyed.map(drop).unwrap();
        }
        Step::Restart => {
            device.restart();
            device.unlock();
        }
    }
}

fn import(device: &Device, model: &mut Model, contents: Vec<Shown>) {
    let items = contents
        .iter()
        .map(|shown| new_entry(shown.0.record().clone()))
        .collect();
    let Ok(Answer::Added(added)) = device
        .ask(Operation::Add { items, import: true })
        .map(|reply| reply.answer)
    else {
        panic!("not imported")
    };
    assert_eq!(added.len(), contents.len());
    for (added, Shown(content)) in added.into_iter().zip(contents) {
        match added {
            Added::New(id) => assert!(model.0.insert((content.category(), id), (content, 1)).is_none()),
            Added::AlreadyHere(id) => assert!(model.0.contains_key(&(content.category(), id))),
            Added::Differs(_) => panic!("an import without ids can't differ"),
        }
    }
}

fn compare(device: &Device, model: &Model) {
    for category in Category::ALL
        .into_iter()
        .filter(|category| category.holds_records())
    {
        let expected: Vec<_> = model.0.iter().filter(|((of, _), _)| *of == category).collect();
        let mut found = BTreeMap::new();
        let mut after = None;
        loop {
            let reply = device.ask(Operation::List {
                category,
                after,
                limit: 7,
            });
            let Ok(Answer::Page(page)) = reply.map(|reply| reply.answer) else {
                panic!("no page")
            };
            assert_eq!(page.total, u64::try_from(expected.len()).unwrap());
            after = page.entries.last().map(|entry| entry.id);
            for entry in page.entries {
                assert!(
                    found.insert(entry.id, entry).is_none(),
                    "a record stands on two pages"
                );
            }
            if !page.more {
                break;
            }
        }
        assert_eq!(found.len(), expected.len(), "{category}");
        for ((_, id), (content, revision)) in expected {
            let entry = &found[id];
            assert!(
                entry.content == *content && entry.revision == *revision,
                "{category} {id}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn the_device_holds_what_a_map_would(steps in proptest::collection::vec(step(), 1..60)) {
        let mut device = Device::new();
        let mut model = Model::default();
        for step in steps {
            take(&mut device, &mut model, step);
        }
        compare(&device, &model);
        device.restart();
        device.unlock();
        compare(&device, &model);
        let verified = device.ask(Operation::AuditVerify { exported: false }).map(|reply| reply.answer);
        prop_assert!(matches!(verified, Ok(Answer::AuditVerified(Ok(_)))));
    }
}
