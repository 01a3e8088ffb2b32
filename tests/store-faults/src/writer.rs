//! The child: commits until it is stopped, and says after each sync which commit is on the disk.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use pocket_core::audit::{Chain, Outcome};
use pocket_core::{Category, OperationKind, Timestamp, decide_own};
use pocket_crypto::Unlocked;
use pocket_crypto::keyring::NextKeys;
use pocket_store::{Folder, KeySet, Store};

use crate::script::{self, Workload};

/// `writer DIR SEED WORKLOAD FIRST`
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [dir, seed, workload, first] = words else {
        bail!("writer DIR SEED WORKLOAD FIRST")
    };
    let (seed, first): (u64, u32) = (seed.parse()?, first.parse()?);
    let workload = Workload::ALL.into_iter().find(|known| known.name() == workload);
    let workload = workload.context("no such workload")?;
    let folder = Folder::open(Path::new(dir))?;
    let mut ring = script::ring(&folder)?;
    let mut store = Store::open(&folder, KeySet::new(&ring)?)?.store;
    let mut rekey = matches!(workload, Workload::Rekey)
        .then(|| Rekey::begin(&ring, &mut store))
        .transpose()?;
    let mut out = std::io::stdout().lock();
    for (commit, done) in (first..).zip(1u32..) {
        write(&mut store, seed, workload, commit)?;
        if let Some(under_way) = &mut rekey
            && under_way.piece(&folder, &mut ring, &mut store)?
        {
            *under_way = Rekey::begin(&ring, &mut store)?;
        }
        if done % workload.commits_a_sync() > 0 {
            continue;
        }
        store.sync().context("sync")?;
        writeln!(out, "{commit}")?;
        out.flush()?;
        if done % 16 == 0 {
            store.tick()?;
        }
    }
    Ok(())
}

/// A category that is sealed anew.
struct Rekey(NextKeys);

impl Rekey {
    fn begin(ring: &Unlocked, store: &mut Store) -> Result<Self> {
        let next = ring.next_keys(&mut rand::rng(), Category::Notes.code())?;
        store.begin_rekey(Category::Notes, &next)?;
        Ok(Self(next))
    }

    /// A few rows; `true` once the new keys count.
    fn piece(&self, folder: &Folder, ring: &mut Unlocked, store: &mut Store) -> Result<bool> {
        let mut rows = 40;
        let complete = store.rekey_on(&mut || {
            rows -= 1;
            rows > 0
        })?;
        if complete {
            let mut draft = ring.draft();
            draft.rekey_category(&mut rand::rng(), &self.0)?;
            let keyring = draft.to_keyring(&mut rand::rng())?;
            store.seal_rekey()?;
            folder.write_keyring(&keyring)?;
            *ring = draft;
            store.finish_rekey(KeySet::new(ring)?)?;
        }
        Ok(complete)
    }
}

pub(crate) fn write(store: &mut Store, seed: u64, workload: Workload, commit: u32) -> Result<()> {
    let permit = decide_own(OperationKind::Purge).map_err(|_| anyhow!("the device may not purge"))?;
    let chain = Chain::new(store.audit_head(), store.audit_mac());
    let draft = chain.draft(
        permit,
        &[],
        Outcome::Done,
        Timestamp::from_millis(i64::from(commit)),
    );
    let changes = script::changes(&script::steps(seed, workload, commit));
    let _recorded = store.apply(draft, changes).context("apply")?;
    Ok(())
}
