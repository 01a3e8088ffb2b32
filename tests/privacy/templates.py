"""What the made-up people are written into. The first half is for tuning, the second is held out.

A slot is {kind}: {known} is a person of the contacts, {first} and {last} a part of that name, {kemail},
{kphone} and {kaddress} are of the contacts too; the others are strangers'. {person} stands where the text
says that it is a name; {bare} where it does not.
"""

ENGLISH = (
    [
        "Please call {known} on {kphone} before noon, or write to {kemail}.",
        "Dear {person},\nthe parcel goes to {address}. Track it with order no. 48213-77.\nBest regards,\n{person}",
        "{first} was born on {birth} and her tax id is {id}. {last} never told anyone.",
        "I moved to {kaddress} last May; my new number is {phone}.",
        "Send 120 EUR to {iban} (account holder: {person}), not to the old card {card}.",
        "My password is {password} and the server is at {ip}.",
        "Met Mr. {surname} at {coord}, version 2.14.3 of the map, 25 September 2024.",
        "Use {url} to log in; the key is {key}.",
        "Yesterday {bare} told me about the trip.",
    ],
    [
        "hey, {known}'s cell is {kphone}, mail {kemail} - don't share!",
        "To whom it may concern: Mrs {surname}, date of birth {birth}, passport number {passport}, resides at {address}.",
        "{last}, {first}: paid by {card}, refund to {iban} on 3 March.",
        "We ship to {address} only. Questions? Phone: {phone} or {email}.",
        "Login for the wifi (password: {password}), router {ip}, hardware address {mac}.",
        "National ID {id}, DOB {birth}. Contact: {person}, {email}.",
        "Pin dropped at {coord}; {known} will wait there at 10:30 with 12 boxes.",
        "export API_KEY={key}  # from {url}",
        "I think {bare} forgot the keys again.",
    ],
)
GERMAN = (
    [
        "Ruf bitte {known} unter {kphone} an oder schreib an {kemail}.",
        "Sehr geehrte Frau {surname},\nIhre Rechnung Nr. 2024-0815 geht an {address}.\nMit freundlichen Grüßen\n{person}",
        "{first} ist am {birth} geboren, Steuer-ID {id}. {last} hat nie etwas gesagt.",
        "Ich wohne jetzt in der {kaddress}; meine neue Nummer ist {phone}.",
        "Bitte 120 Euro auf {iban} überweisen (Kontoinhaber: {person}), nicht mehr auf die Karte {card}.",
        "Das Passwort ist {password}, der Server steht unter {ip}.",
        "Herr {surname} wartet bei {coord}, am 25. September 2024 um 10.30 Uhr.",
        "Gestern hat {bare} davon erzählt.",
    ],
    [
        "{known}s Handy: {kphone}, Mail {kemail} - bitte nicht weitergeben!",
        "Hiermit bestätigen wir Herrn {surname}, geb. {birth}, Reisepass-Nr. {passport}, wohnhaft {address}.",
        "{last}, {first}: bezahlt mit {card}, zurück an {iban} am 3. März.",
        "Lieferung nur an {address}. Fragen? Tel.: {phone} oder {email}.",
        "WLAN-Passwort: {password}, Router {ip}, MAC {mac}.",
        "Versichertennummer {id}, Geburtsdatum: {birth}. Ansprechpartner: {person}, {email}.",
        "Treffpunkt {coord}; {known} bringt 12 Kisten mit.",
        "Ich glaube, {bare} hat wieder die Schlüssel vergessen.",
    ],
)
FRENCH = (
    [
        "Appelle {known} au {kphone} ou écris à {kemail}.",
        "Cher {person},\nle colis part à {address}. Commande n° 48213.\nCordialement,\n{person}",
        "{first}, née le {birth}, numéro de sécurité sociale {id}. {last} n'a rien dit.",
        "Virement de 120 euros sur {iban} (titulaire : {person}), pas sur la carte {card}.",
        "Le mot de passe est {password}, le serveur {ip}.",
        "Mme {surname} attend à {coord}, le 25 septembre 2024.",
    ],
    [
        "Le portable de {known} : {kphone}, courriel {kemail}, ne le donne à personne.",
        "M. {surname}, date de naissance : {birth}, passeport n° {passport}, demeurant {address}.",
        "Livraison : {address}. Tél. : {phone}, {email}.",
        "Mot de passe : {password}. NIR {id}. IBAN {iban}.",
        "Rendez-vous à {coord} avec {known} et 12 caisses.",
    ],
)
SPANISH = (
    [
        "Llama a {known} al {kphone} o escribe a {kemail}.",
        "Estimado {person}:\nel paquete va a {address}. Pedido 48213.\nUn saludo,\n{person}",
        "{first} nació el {birth}, DNI {id}. {last} no dijo nada.",
        "Transferencia de 120 euros a {iban} (titular: {person}), no a la tarjeta {card}.",
        "La contraseña es {password} y el servidor {ip}.",
        "La Sra. {surname} espera en {coord}, el 25 de septiembre de 2024.",
    ],
    [
        "El móvil de {known} es {kphone}, correo {kemail}.",
        "Don {surname}, fecha de nacimiento: {birth}, pasaporte {passport}, domicilio: {address}.",
        "Envío solo a {address}. Teléfono: {phone}, {email}.",
        "Contraseña: {password}. NIF {id}. Cuenta {iban}.",
        "Nos vemos en {coord} con {known} y 12 cajas.",
    ],
)
ITALIAN = (
    [
        "Chiama {known} al {kphone} o scrivi a {kemail}.",
        "Gentile {person},\nil pacco va a {address}. Ordine 48213.\nCordiali saluti,\n{person}",
        "{first}, nata il {birth}, codice fiscale {id}. {last} non ha detto nulla.",
        "Bonifico di 120 euro a {iban} (intestatario: {person}), non sulla carta {card}.",
        "La password è {password}, il server {ip}.",
    ],
    [
        "Il cellulare di {known} è {kphone}, posta {kemail}.",
        "Sig. {surname}, data di nascita: {birth}, passaporto {passport}, residente a {address}.",
        "Spedire a {address}. Telefono: {phone}, {email}.",
        "Password: {password}. C.F. {id}. IBAN {iban}.",
    ],
)
DUTCH = (
    [
        "Bel {known} op {kphone} of mail naar {kemail}.",
        "Beste {person},\nhet pakket gaat naar {address}. Bestelling 48213.\nMet vriendelijke groet,\n{person}",
        "{first}, geboren op {birth}, BSN {id}. {last} zei niets.",
        "120 euro naar {iban} (naam: {person}), niet met kaart {card}.",
        "Het wachtwoord is {password}, de server {ip}.",
    ],
    [
        "Mobiel van {known}: {kphone}, e-mail {kemail}.",
        "Mevrouw {surname}, geboortedatum: {birth}, paspoort {passport}, adres: {address}.",
        "Leveren op {address}. Telefoon: {phone}, {email}.",
        "Wachtwoord: {password}. BSN: {id}. Rekening {iban}.",
    ],
)
POLISH = (
    [
        "Zadzwoń do {known}, tel. {kphone}, albo napisz na {kemail}.",
        "Szanowny Panie {surname},\npaczka idzie na adres {address}. Zamówienie 48213.\nPozdrawiam,\n{person}",
        "{first}, urodzona {birth}, PESEL {id}. {last} nic nie mówi.",
        "Przelew 120 euro na {iban} (odbiorca: {person}), nie na kartę {card}.",
        "Hasło: {password}, serwer {ip}.",
    ],
    [
        "Komórka {known}: {kphone}, poczta {kemail}.",
        "Pani {surname}, data urodzenia: {birth}, paszport {passport}, adres: {address}.",
        "Telefon: {phone}, {email}. Hasło to: {password}. PESEL: {id}.",
    ],
)
PORTUGUESE = (
    [
        "Ligue para {known} no {kphone} ou escreva para {kemail}.",
        "Prezado {person},\no pacote vai para {address}. Pedido 48213.\nAtenciosamente,\n{person}",
        "{first}, nascida em {birth}, CPF {id}. {last} não disse nada.",
        "Transferência para {iban} (titular: {person}), não no cartão {card}.",
        "A senha é {password}, o servidor {ip}.",
    ],
    [
        "O celular de {known} é {kphone}, e-mail {kemail}.",
        "Sra. {surname}, data de nascimento: {birth}, passaporte {passport}, endereço: {address}.",
        "Telefone: {phone}, {email}. Senha: {password}. CPF: {id}.",
    ],
)
SWEDISH = (
    [
        "Ring {known} på {kphone} eller skriv till {kemail}.",
        "Hej {person},\npaketet går till {address}. Order 48213.\nVänliga hälsningar,\n{person}",
        "{first}, född {birth}, personnummer {id}. {last} sa ingenting.",
        "Lösenord: {password}, server {ip}, kort {card}.",
    ],
    [
        "Mobil till {known}: {kphone}, e-post {kemail}.",
        "Fru {surname}, födelsedatum: {birth}, adress: {address}.",
        "Telefon: {phone}, {email}. Lösenordet är: {password}. Personnummer: {id}.",
    ],
)
RUSSIAN = (
    [
        "Позвони {known} по номеру {kphone} или напиши на {kemail}.",
        "{first}, дата рождения: {birth}, ИНН {id}. {last} молчит.",
        "Адрес доставки: {address}. Заказ 48213. Пароль: {password}.",
        "Получатель: {person}, карта {card}, сервер {ip}.",
    ],
    [
        "Мобильный {known}: {kphone}, почта {kemail}.",
        "Родился {birth}. Телефон: {phone}, {email}.",
        "Живёт по адресу {address}. Пароль: {password}. ИНН: {id}.",
    ],
)
JAPANESE = (
    [
        "{known}さんに電話してください。電話：{kphone}、メール：{kemail}。",
        "氏名：{person}\n住所：{address}\n生年月日：{birth}",
        "パスワード：{password}、サーバー {ip}、カード番号 {card}",
    ],
    [
        "{known}の携帯は{kphone}です。",
        "お名前：{person}、電話番号：{phone}、{email}",
        "{address}に送ってください。パスワードは {password} です。生年月日は{birth}。",
    ],
)
CHINESE = (
    [
        "请给{known}打电话：{kphone}，邮箱：{kemail}。",
        "姓名：{person}\n地址：{address}\n出生日期：{birth}\n身份证号：{id}",
        "密码：{password}，服务器 {ip}，卡号 {card}",
    ],
    [
        "{known}的手机号是{kphone}。",
        "联系人：{person}，电话：{phone}，{email}",
        "寄到{address}。密码: {password}。身份证 {id}，生日 {birth}。",
    ],
)

PROSE = {
    "en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH, "it": ITALIAN, "nl": DUTCH, "pl": POLISH, "pt": PORTUGUESE,
    "sv": SWEDISH, "ru": RUSSIAN, "ja": JAPANESE, "zh": CHINESE,
}

# Whatever the language: data, code, logs, mail.
FORMATS = (
    [
        '{{"name": "{person}", "email": "{email}", "phone": "{phone}", "birth_date": "{iso}", "order": 48213}}',
        "name,email,phone,dob,amount\n{person},{email},{phone},{iso},12.50\n{known},{kemail},{kphone},{iso},7.00",
        "2024-09-25T10:30:12Z INFO login user={kemail} from {ip} mac={mac} took 125 ms",
        "From: {person} <{email}>\nTo: {known} <{kemail}>\nSubject: Order 48213\nDate: Wed, 25 Sep 2024 10:30:12 +0200\n\nSee {url}",
        'client = Client(host="{ip}", token="{key}")  # {kemail}\nassert version == "2.14.3"',
        "| Name | Phone | City |\n|---|---|---|\n| {person} | {phone} | - |\n| {known} | {kphone} | - |",
        "DATABASE_URL={dburl}\nSECRET_KEY={key}\nDEBUG=false",
        "- [ ] pay {iban}\n- [ ] card {card}, CVV {cvv}\n- [ ] tell **{known}** ({kphone})",
    ],
    [
        "user:\n  full_name: {person}\n  e-mail: {email}\n  mobile: {phone}\n  born: {iso}\n  retries: 3",
        "first_name;last_name;iban;card\n{first};{last};{iban};{card}",
        '<contact><name>{person}</name><tel>{phone}</tel><mail>{email}</mail><geo>{coord}</geo></contact>',
        "BEGIN:VCARD\nVERSION:4.0\nFN:{person}\nTEL;TYPE=cell:{phone}\nEMAIL:{email}\nBDAY:{iso}\nEND:VCARD",
        '[25/Sep/2024:10:30:12] {ip} - "GET /reset HTTP/1.1" 200 Authorization: Bearer {key}',
        "INSERT INTO users (name, email, ip) VALUES ('{known}', '{kemail}', '{ip}'); -- {first} asked on 2024-09-25",
        "git clone {dburl}\ncurl -u admin:{password} {url}",
        "@{first}: my card {card} exp 12/27, iban {iban}; @{last}: mac {mac}, gps {coord}",
    ],
)
