//! Files of strangers: how they are read and brought in.

use crate::words::FilesWords;

pub(super) const WORDS: FilesWords = FilesWords {
    import_again: "Mehr hereinholen",
    import_bytes_apart: "seine Bytes liegen in einer eigenen Datei: den Ordner mit pocketctl import hereinholen",
    import_differs: "Datensatz {0} ist hier und sagt etwas anderes; er blieb, wie er ist",
    import_done: "Was hereingekommen ist",
    import_left_out: "Was ausgelassen oder geändert wurde",
    import_many: "Für ganze Ordner und für den Export eines anderen PocketAI, auf dem Gerät selbst:",
    import_more: "Und mehr davon.",
    import_no_reader: "Auf dieser Seite können keine Dateien hereingeholt werden: Das Programm pocket-reader fehlt. Neben pocketd installieren und pocketd neu starten.",
    import_place: "Datensatz {0}",
    n_already_here: "{0} war schon hier|{0} waren schon hier",
    n_imported: "{0} Datensatz hereingekommen|{0} Datensätze hereingekommen",
    n_pages: "{0} Seite|{0} Seiten",
    nothing_imported: "Nichts ist hereingekommen",
    page_of: "Seite {0} von {1}",
    previous_page: "Vorherige Seite",
    reading_failed: "Es kann hier nicht gezeigt und sein Text nicht durchsucht werden: {0}. Zum Ansehen herunterladen.",
    reading_no_reader: "Es wurde noch nicht gelesen: Das Programm pocket-reader fehlt. Neben pocketd installieren und pocketd neu starten.",
    reading_partly: "Es hat mehr Text, als durchsucht wird: nur die ersten 4 MiB.",
    reading_pending: "Es wird gelesen. Gleich kann sein Text durchsucht und es hier gezeigt werden.",
    text_goes_on: "Das ist der Anfang. Zum Weiterlesen herunterladen.",
    unreadable_broke: "es ist beschädigt oder braucht mehr Speicher, als dafür da ist",
    unreadable_damaged: "es ist beschädigt",
    unreadable_large: "es ist zu groß, um gelesen zu werden",
    unreadable_long: "es zu lesen dauert zu lange",
    unreadable_page: "es hat keine solche Seite",
    unreadable_protected: "es ist mit einem Passwort geschützt",
    unreadable_unsafe: "dieser Kernel hat keinen seccomp-Filter, und ohne ihn wird keine fremde Datei gelesen",
    unreadable_unsupported: "nichts hier liest sein Format",
};
