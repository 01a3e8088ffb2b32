"""Writes files that refer to elsewhere, each in the way of its format, into the folder named first."""

import struct
import sys
import zipfile
import zlib
from pathlib import Path

FAR = "http://far.example"
folder = Path(sys.argv[1])
folder.mkdir()


def write(name, text):
    (folder / name).write_text(text, newline="")


write("plans.md", f"""---
image: {FAR}/front.png
---
# Plans

![a picture]({FAR}/a.png "title") ![by name][far] <img src="{FAR}/b.png"> <{FAR}/c>
[a link]({FAR}/d) [[{FAR}/e]] <script src="{FAR}/f.js"></script>
<style>@import url({FAR}/g.css);</style> <link rel="preload" href="{FAR}/h">
<iframe src="{FAR}/i"></iframe> ![](//far.example/j.png) ![](https://203.0.113.1/k.png) ![](ftp://far.example/l)

[far]: {FAR}/m.png
""")
write("cards.vcf", f"""BEGIN:VCARD
VERSION:3.0
FN:Far Away
PHOTO;VALUE=URI:{FAR}/photo.jpg
URL:{FAR}/card
KEY;VALUE=URI:{FAR}/key
SOURCE:{FAR}/source.vcf
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Further Away
PHOTO:{FAR}/photo4.jpg
LOGO;MEDIATYPE=image/png:{FAR}/logo.png
CALURI:{FAR}/calendar
END:VCARD
""".replace("\n", "\r\n"))
write("tasks.ics", f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//far//away//EN
SOURCE;VALUE=URI:{FAR}/calendar.ics
REFRESH-INTERVAL;VALUE=DURATION:PT1S
BEGIN:VTODO
UID:far-1
SUMMARY:Fetch it
ATTACH;FMTTYPE=image/png:{FAR}/attached.png
URL:{FAR}/task
DESCRIPTION;ALTREP="{FAR}/description":Fetch it
BEGIN:VALARM
ACTION:AUDIO
TRIGGER:-PT1M
ATTACH;FMTTYPE=audio/basic:{FAR}/sound.aud
END:VALARM
END:VTODO
END:VCALENDAR
""".replace("\n", "\r\n"))
write("picture.svg", f"""<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//FAR//DTD//EN" "{FAR}/svg.dtd" [<!ENTITY far SYSTEM "{FAR}/entity">]>
<?xml-stylesheet href="{FAR}/svg.css"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">
<image href="{FAR}/image.png" width="9" height="9"/><use xlink:href="{FAR}/use.svg#x"/>
<script href="{FAR}/svg.js"/><foreignObject><img src="{FAR}/foreign.png"/></foreignObject><text>&far;</text></svg>
""")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


(folder / "picture.png").write_bytes(
    b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 9, 9, 8, 0, 0, 0, 0))
    + chunk(b"tEXt", b"Source\0" + FAR.encode()) + chunk(b"IDAT", zlib.compress(b"\0" * 90)) + chunk(b"IEND", b""))
write("page.html", f"""<!doctype html><base href="{FAR}/"><meta http-equiv="refresh" content="0;url={FAR}/next">
<link rel="stylesheet" href="{FAR}/page.css"><link rel="dns-prefetch" href="//far.example"><link rel="preconnect"
href="{FAR}"><script>fetch("{FAR}/script")</script><img src="{FAR}/page.png" srcset="{FAR}/page2.png 2x">
<body background="{FAR}/back.png" onload="new Image().src='{FAR}/load'"><object data="{FAR}/object"></object>
<video poster="{FAR}/poster.png" src="{FAR}/video"></video><a href="{FAR}/a" ping="{FAR}/ping">far away</a>
""")
write("chat.txt", f"01/05/2026, 10:00 - Ann: look at {FAR}/chat.png\n01/05/2026, 10:01 - Bob: {FAR}/other\n")
write("todo.txt", f"(A) 2026-05-01 Read {FAR}/todo +far @away\n")
write("memory.jsonl", '{"type": "entity", "name": "Ann", "entityType": "person", "observations": ["wrote ' + FAR + '/memory"]}\n')

objects = [
    "<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /URI /URI (%s/open) >> /AA << /WC << /S /Launch /F (%s/run) >> >> >>"
    % (FAR, FAR),
    "<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 400] /Contents 4 0 R /Annots [<< /Type /Annot /Subtype /Link "
    "/Rect [0 0 300 400] /A << /S /URI /URI (%s/annotation) >> >>] /AA << /O << /S /GoToR /F << /FS /URL /F (%s/far.pdf) "
    ">> /D [0 /Fit] >> >> /Resources << /Font << /F1 5 0 R >> /XObject << /X1 6 0 R >> >> >>" % (FAR, FAR),
    "<< /Length 63 >> stream\nBT /F1 24 Tf 30 330 Td (Far away) Tj ET q 99 0 0 99 9 9 cm /X1 Do Q\nendstream",
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    "<< /Type /XObject /Subtype /Image /Width 9 /Height 9 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 0 "
    "/F << /FS /URL /F (%s/image.raw) >> /FFilter /DCTDecode >> stream\n\nendstream" % FAR,
]
pdf = "%PDF-1.4\n"
places = []
for number, body in enumerate(objects, 1):
    places.append(len(pdf))
    pdf += f"{number} 0 obj {body} endobj\n"
start = len(pdf)
pdf += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{place:010} 00000 n \n" for place in places)
pdf += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
write("paper.pdf", pdf)
write("broken.pdf", pdf[:200])

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
with zipfile.ZipFile(folder / "letter.docx", "w") as letter:
    letter.writestr("[Content_Types].xml", f"""<Types xmlns="{PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/word/document.xml"
ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>""")
    letter.writestr("_rels/.rels", f"""<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1"
Type="{OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>""")
    letter.writestr("word/_rels/document.xml.rels", f"""<Relationships xmlns="{PACKAGE}/relationships">
<Relationship Id="r1" Type="{OFFICE}/attachedTemplate" Target="{FAR}/template.dotm" TargetMode="External"/>
<Relationship Id="r2" Type="{OFFICE}/image" Target="{FAR}/letter.png" TargetMode="External"/></Relationships>""")
    letter.writestr("word/document.xml", f"""<?xml version="1.0"?><!DOCTYPE d SYSTEM "{FAR}/letter.dtd">
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r>
<w:t>Dear far away</w:t></w:r><w:r><w:instrText>INCLUDEPICTURE "{FAR}/field.png"</w:instrText></w:r></w:p></w:body>
</w:document>""")
with zipfile.ZipFile(folder / "letter.odt", "w") as letter:
    letter.writestr("mimetype", "application/vnd.oasis.opendocument.text")
    letter.writestr("content.xml", f"""<office:document-content xmlns:xlink="http://www.w3.org/1999/xlink"
xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0">
<office:body><office:text><text:p>Far away<draw:frame><draw:image xlink:href="{FAR}/odt.png" xlink:actuate="onLoad"/>
</draw:frame></text:p></office:text></office:body></office:document-content>""")
with zipfile.ZipFile(folder / "folder.zip", "w") as archive:
    for name in ("plans.md", "cards.vcf", "tasks.ics", "page.html"):
        archive.write(folder / name, name)
    link = zipfile.ZipInfo("link.md")
    link.external_attr = 0o120777 << 16
    archive.writestr(link, f"{FAR}/link")
    archive.writestr("site.url", f"[InternetShortcut]\nURL={FAR}/shortcut\n")
