use pocket_core::{Content, Entry, Origin, RecordId, Timestamp};

use super::*;

fn contact(item: &Item) -> Contact {
    match item.content.record().clone() {
        Record::Contact(contact) => contact,
        _ => panic!("no contact"),
    }
}

fn one(text: &str) -> (Contact, Item) {
    let mut parsed = read(text);
    assert_eq!(parsed.skipped, []);
    let item = parsed.items.remove(0);
    (contact(&item), item)
}

fn labelled(all: &[Labelled]) -> Vec<String> {
    all.iter()
        .map(|one| format!("{}={}", one.label, one.value))
        .collect()
}

#[test]
fn a_version_4_card_fills_every_field() {
    let (contact, item) = one(
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ann Lee\r\nN:Lee;Ann;;;\r\nNICKNAME:Annie,Lee\r\nORG:Acme;Sales\r\n\
         TITLE:Boss\r\nTEL;VALUE=uri;TYPE=\"work,cell\";PREF=1:tel:+1-555\r\nEMAIL;TYPE=home:ann@example.org\r\n\
         ADR;TYPE=home:;;12 High St;Leeds;;LS1;UK\r\nURL:https://example.org/a;b\r\nBDAY:19850412\r\n\
         NOTE:first\\nsecond\\, third\r\nCATEGORIES:friends,tea\r\nIMPP:xmpp:ann@example.org\r\n\
         PHOTO:data:image/png;base64,AAAA\r\nREV:20260102T030405Z\r\nEND:VCARD\r\n",
    );
    assert_eq!(contact.name, "Ann Lee");
    assert_eq!(contact.nickname, "Annie, Lee");
    assert_eq!(contact.organisation, "Acme, Sales");
    assert_eq!(contact.role, "Boss");
    assert_eq!(labelled(&contact.phones), ["work cell=+1-555"]);
    assert_eq!(labelled(&contact.emails), ["home=ann@example.org"]);
    assert_eq!(labelled(&contact.addresses), ["home=12 High St, Leeds, LS1, UK"]);
    assert_eq!(contact.urls, ["https://example.org/a;b"]);
    assert_eq!(contact.birthday, "1985-04-12");
    assert_eq!(contact.note, "first\nsecond, third\nChat: xmpp:ann@example.org");
    assert_eq!(contact.tags, ["friends", "tea"]);
    assert_eq!(item.remarks, [Remark::Photo]);
    assert_eq!(item.updated, "2026-01-02T03:04:05Z".parse().ok());
    assert_eq!(item.id, None);
}

#[test]
fn a_version_3_card_of_a_telephone_keeps_its_labels() {
    let (contact, _) = one(
        "BEGIN:VCARD\nVERSION:3.0\nN:Lee;Ann;;;\nitem1.TEL:+44 1\nADR;TYPE=work:;;Street 4\\nFloor 8;Leeds;;;\nitem1.X-ABLabel:_$!<Mobile>!$_\nitem2.EMAIL;type=INTERNET:a@b\n\
         item2.X-ABLabel:Summer house\nTEL;TYPE=HOME;TYPE=FAX:2\nBDAY;value=date:1985-04-12\nNOTE:folded \n over two\nEND:VCARD\n",
    );
    assert_eq!(contact.name, "Ann Lee");
    assert_eq!(labelled(&contact.phones), ["mobile=+44 1", "home fax=2"]);
    assert_eq!(labelled(&contact.emails), ["Summer house=a@b"]);
    assert_eq!(labelled(&contact.addresses), ["work=Street 4, Floor 8, Leeds"]);
    assert_eq!(contact.birthday, "1985-04-12");
    assert_eq!(contact.note, "folded over two");
}

#[test]
fn a_version_2_1_card_in_quoted_printable_is_decoded() {
    let (contact, _) = one(
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=84rger;J=C3=B6rg;A,B;;\r\n\
         TEL;CELL;PREF:0170 1\r\nADR;HOME;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:;;Stra=C3=9Fe 1;K=\r\n=C3=B6ln;;;\r\n\
         NOTE;ENCODING=QUOTED-PRINTABLE:caf=E9=0D=0Ax\r\nPHOTO;ENCODING=BASE64;JPEG:AAAA\r\n AAAA\r\n\r\nEMAIL;INTERNET:j@b\r\nEND:VCARD\r\n",
    );
    assert_eq!(contact.name, "Jörg A B Ärger");
    assert_eq!(labelled(&contact.phones), ["cell=0170 1"]);
    assert_eq!(labelled(&contact.addresses), ["home=Straße 1, Köln"]);
    assert_eq!(contact.note, "café\nx");
    assert_eq!(labelled(&contact.emails), ["=j@b"]);
}

#[test]
fn nameless_cards_fall_back_and_broken_ones_harm_no_neighbour() {
    let parsed = read(
        "BEGIN:VCARD\nORG:Acme\nEND:VCARD\nBEGIN:VCARD\nEMAIL:a@b\nEND:VCARD\nBEGIN:VCARD\nTEL:1\nEND:VCARD\n\
         BEGIN:VCARD\nNOTE:nobody\nEND:VCARD\nBEGIN:VCARD\nFN:Cut\nBEGIN:VCARD\nFN:Whole\nEND:VCARD\nBEGIN:VCARD\n;;;:::\nFN\nEND:VCARD\n",
    );
    let names: Vec<_> = parsed.items.iter().map(|item| contact(item).name).collect();
    assert_eq!(names, ["Acme", "a@b", "1", "Cut", "Whole"]);
    let places: Vec<_> = parsed.skipped.iter().map(|skipped| skipped.at).collect();
    assert_eq!(places, [At::Card(4), At::Card(7)]);
    assert!(
        read("hello")
            .skipped
            .iter()
            .any(|skipped| skipped.why == Why::NoCard)
    );
}

#[test]
fn an_ordinary_contact_is_written_in_standard_properties_alone() {
    let with = |label: &str, value: &str| Labelled {
        label: label.to_owned(),
        value: value.to_owned(),
    };
    let record = Record::Contact(Contact {
        name: "Ann Lee, MD".to_owned(),
        nickname: "Annie".to_owned(),
        organisation: "Acme; Sons".to_owned(),
        role: "Boss".to_owned(),
        phones: vec![with("work cell", "+1 555"), with("Summer house", "2")],
        emails: vec![with("", "ann@example.org")],
        addresses: vec![with("home", "12 High St, Leeds; UK")],
        urls: vec!["https://example.org/?a=1;b,c".to_owned()],
        birthday: "1985-04-12".to_owned(),
        note: "one\ntwo".to_owned(),
        tags: vec!["friends".to_owned(), "a, b".to_owned()],
    });
    let Ok(content) = Content::check(record) else {
        panic!("not acceptable")
    };
    let entry = Entry {
        id: RecordId::from_bytes([0xab; 16]),
        created: Timestamp::from_millis(0),
        updated: Timestamp::from_millis(1_795_316_645_123),
        revision: 3,
        origin: Origin::Owner,
        content,
    };
    let mut out = Vec::new();
    crate::append(&entry, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for line in [
        "VERSION:4.0",
        "UID:urn:uuid:abababab-abab-abab-abab-abababababab",
        "FN:Ann Lee\\, MD",
        "ORG:Acme\\; Sons",
        "TEL;TYPE=work,cell:+1 555",
        "item1.TEL:2",
        "item1.X-ABLABEL:Summer house",
        "ADR;TYPE=home:;;12 High St\\, Leeds\\; UK;;;;",
        "BDAY:19850412",
        "NOTE:one\\ntwo",
        "CATEGORIES:friends,a\\, b",
        "REV:20261122T030405Z",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert!(!text.contains(FIELDS), "{text}");
}
