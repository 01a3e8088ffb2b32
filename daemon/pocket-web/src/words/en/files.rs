//! Files of strangers: how they are read and brought in.

use crate::words::FilesWords;

pub(super) const WORDS: FilesWords = FilesWords {
    import_again: "Bring in more",
    import_bytes_apart: "its bytes lie in a file of their own: bring the folder in with pocketctl import",
    import_differs: "record {0} is here and says something else; it was left as it is",
    import_done: "What came in",
    import_left_out: "What was left out, or changed",
    import_many: "For whole folders, and for an export of another PocketAI, on the device itself:",
    import_more: "And more of the same.",
    import_no_reader: "No files can be brought in on this page: the program pocket-reader is not here. Install it beside pocketd and start pocketd again.",
    import_place: "record {0}",
    n_already_here: "{0} was here already|{0} were here already",
    n_imported: "{0} record came in|{0} records came in",
    n_pages: "{0} page|{0} pages",
    nothing_imported: "Nothing came in",
    page_of: "Page {0} of {1}",
    previous_page: "Previous page",
    reading_failed: "It can't be shown here, and its text can't be searched: {0}. Download it to look at it.",
    reading_no_reader: "It was not read yet: the program pocket-reader is not here. Install it beside pocketd and start pocketd again.",
    reading_partly: "It has more text than is searched: only the first 4 MiB are.",
    reading_pending: "It is being read. In a moment its text can be searched and it can be shown here.",
    text_goes_on: "This is the beginning. Download it to read on.",
    unreadable_broke: "it is damaged, or takes more memory than there is for it",
    unreadable_damaged: "it is damaged",
    unreadable_large: "it is too large to be read",
    unreadable_long: "it takes too long to be read",
    unreadable_page: "it has no such page",
    unreadable_protected: "it is protected with a password",
    unreadable_unsafe: "this kernel has no seccomp filter, and no stranger's file is read without one",
    unreadable_unsupported: "nothing here reads its format",
};
