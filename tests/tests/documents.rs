//! Documents that must not drift from the tree: every control has its row, every proof exists.

use std::fs;

use crate::device::workspace;

/// The groups of controls, and how many each has.
const CONTROLS: [(&str, u32); 5] = [("PA", 17), ("PB", 9), ("MC", 9), ("TM", 11), ("TA", 10)];

#[test]
fn every_control_has_its_row_and_every_proof_exists() {
    let document = read("docs/threat-model.md");
    for (group, last) in CONTROLS {
        for number in 1..=last {
            let begin = format!("| {group}-{number} |");
            let row = document.lines().find(|line| line.starts_with(&begin));
            let row = row.unwrap_or_else(|| panic!("no row for {group}-{number}"));
            assert!(
                row.contains("::") || row.contains("missing") || row.contains("tests/run"),
                "{row}"
            );
        }
    }
    let proofs: Vec<&str> = document
        .split('`')
        .filter(|text| text.contains(".rs::"))
        .collect();
    assert!(proofs.len() > 50, "the search finds too little");
    for proof in proofs {
        let (file, name) = proof.split_once("::").expect("it was found by it");
        let source = read(file);
        assert!(source.contains(&format!("fn {name}(")), "no test {proof}");
    }
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    for entry in fs::read_dir(workspace().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = file.is_empty() || file.contains("://");
            assert!(
                elsewhere || path.with_file_name(file).exists(),
                "{}: {target}",
                path.display()
            );
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
