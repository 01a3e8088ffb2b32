//! The labels, in the languages of many owners. Spaces between words are written `_`.

use super::Field;

pub(super) const ALL: [(Field, &str); 15] = [
    (Field::Account, ACCOUNT),
    (Field::Address, ADDRESS),
    (Field::Birth, BIRTH),
    (Field::Card, CARD),
    (Field::CardCheck, CARD_CHECK),
    (Field::Coordinate, COORDINATE),
    (Field::Email, EMAIL),
    (Field::Identity, IDENTITY),
    (Field::Password, PASSWORD),
    (Field::Person, PERSON),
    (Field::Phone, PHONE),
    (Field::Plain, PLAIN),
    (Field::Seed, SEED),
    (Field::Token, TOKEN),
    (Field::Vehicle, VEHICLE),
];

const ACCOUNT: &str = "iban account_number account_no bank_account kontonummer konto_nr bankverbindung compte_bancaire \
    numero_de_compte cuenta_bancaria numero_de_cuenta conto_corrente numero_di_conto conta_bancaria rekeningnummer \
    numer_konta kontonr tilinumero cislo_uctu номер_счета 銀行口座 银行账号 账号 口座番号 계좌번호 hesap_numarasi bban \
    routing_number sort_code acct";

const ADDRESS: &str = "address postal_address mailing_address home_address street street_address address_line \
    shipping_address billing_address delivery_address adresse anschrift wohnort wohnhaft_in postanschrift \
    lieferadresse rechnungsadresse strasse domicile adresse_postale direccion domicilio calle indirizzo residenza \
    endereco morada adres straat adresa ulice ulica adress gatuadress osoite katuosoite адрес улица dzim_adrese \
    住所 地址 住址 详细地址 주소 عنوان العنوان sokak_adresi cim lakcim postcode postal_code zip zip_code zipcode plz \
    postleitzahl code_postal codigo_postal cap cep kod_pocztowy postnummer postinumero psc индекс 邮编 郵便番号 우편번호 \
    lives_at living_at resides_at wohnt_in_der habite_au vive_en";

const BIRTH: &str = "born born_on born_in birth birthdate birthday bday date_of_birth birth_date dob geb geb_am geboren \
    geboren_am geborene geburtsdatum geburtstag geburt geb_datum ne_le nee_le nee ne_e_le naissance date_de_naissance \
    date_naissance anniversaire nacido nacida nacio nacido_el nacida_el nacimiento fecha_de_nacimiento fecha_nacimiento \
    cumpleanos nato_il nata_il nato nata nascita data_di_nascita data_nascita compleanno nascido nascida nascimento \
    data_de_nascimento data_nascimento aniversario geboren_op geboortedatum verjaardag fodt fodselsdato fodselsdag \
    fodd fodelsedatum fodelsedag syntynyt syntymaaika syntymapaiva urodzony urodzona urodzenia data_urodzenia ur \
    narozen narozena narozeni datum_narozeni datum_narodenia szuletett szuletesi_datum szuletesi_ido szul nascut nascuta \
    data_nasterii dogum dogum_tarihi dogumlu γεννηθηκε ημερομηνια_γεννησης γεννησης родился родилась рождения \
    дата_рождения день_рождения народився народилася дата_народження роден рождена дата_на_раждане рођен rodjen roden \
    datum_rodjenja datum_rodenja rojen rojena datum_rojstva sunnipaev sundinud dzimis dzimsanas gime gimimo_data \
    生年月日 生まれ 誕生日 出生日期 出生 生日 생년월일 출생 생일 تاريخ_الميلاد مواليد ولد ולד תאריך_לידה נולד जन्म जन्म_तिथि \
    जन्मतिथि वันเกิด วันเกิด ngay_sinh sinh_ngay tanggal_lahir tarikh_lahir fecha_nac fnac d_o_b";

const CARD: &str = "card card_number credit_card creditcard debit_card cc_number kreditkarte kartennummer carte carte_bancaire \
    numero_de_carte tarjeta tarjeta_de_credito carta_di_credito cartao cartao_de_credito creditcardnummer karta \
    numer_karty visa mastercard amex pan карта номер_карты 信用卡 卡号 カード番号 クレジットカード 카드번호";

const CARD_CHECK: &str = "cvv cvc cvv2 cvc2 cid csc security_code pruefziffer kartenprufnummer prufnummer cryptogramme \
    codigo_de_seguridad codice_di_sicurezza";

const COORDINATE: &str = "lat latitude lon lng long longitude breite breitengrad lange langengrad latitud longitud latitudine \
    longitudine coordinates coords gps koordinaten coordonnees coordenadas coordinate geo location position 緯度 経度 纬度 \
    经度 широта долгота";

const EMAIL: &str = "email e_mail mail e_mail_address email_address courriel correo correo_electronico posta_elettronica \
    sahkoposti почта メール 邮箱 电子邮件 이메일";

const IDENTITY: &str = "ssn social_security social_security_number itin tax_id tax_number tin ein taxpayer_id \
    national_insurance national_insurance_number nino ni_number nhs nhs_number nhs_no national_id id_card \
    identity_card id_number identity_number passport passport_no passport_number pass reisepass passnummer \
    reisepassnummer personalausweis ausweisnummer personalausweisnummer ausweis_nr steuer_id steuerid steuer_idnr idnr \
    steuernummer steueridentifikationsnummer steuer_identifikationsnummer sozialversicherungsnummer \
    rentenversicherungsnummer versichertennummer krankenversicherungsnummer sv_nummer svnr ahv ahv_nummer ahv_nr \
    sv_nr nir insee numero_de_securite_sociale securite_sociale num_secu numero_fiscal carte_d_identite cni \
    passeport numero_de_passeport dni nie nif cif nuss documento_de_identidad pasaporte numero_de_pasaporte \
    seguridad_social curp rfc cuit cuil rut cedula codice_fiscale cod_fisc cf carta_d_identita passaporto passaporte numero_do_passaporte partita_iva \
    cpf cnpj rg nis pis cartao_de_cidadao contribuinte bsn burgerservicenummer sofinummer paspoort paspoortnummer \
    rijksregisternummer numero_national numero_de_registre_national niss insz pesel nip dowod_osobisty nr_dowodu \
    paszport numer_paszportu personnummer samordningsnummer hetu henkilotunnus fodselsnummer cpr cpr_nr cpr_nummer \
    rodne_cislo cislo_pasu cnp egn егн amka αφμ afm oib emso jmbg asmens_kodas isikukood personas_kods \
    tc_kimlik tc_kimlik_no kimlik_no tckn inn инн снилс паспорт номер_паспорта aadhaar aadhar uidai pan_card pan_number \
    身份证 身份证号 身份证号码 护照 护照号 社会保障号 ssn番号 マイナンバー 個人番号 パスポート番号 旅券番号 주민등록번호 \
    주민번호 여권번호 tfn tax_file_number medicare medicare_number medicare_no sin social_insurance_number \
    driver_license drivers_license driver_licence driving_licence driving_license license_number licence_number dl_number \
    fuhrerschein fuhrerscheinnummer permis_de_conduire licencia_de_conducir carnet_de_conducir patente rijbewijs \
    nric fin ird ird_number teudat_zehut patient_id insurance_number policy_holder member_id health_card \
    matricule versicherungsnummer employee_id";

const PASSWORD: &str = "password passwd pwd passphrase passcode pass_word pin pin_code pincode puk kennwort passwort losung \
    geheimzahl zugangscode mot_de_passe mdp code_pin contrasena clave parola_d_ordine  senha \
    palavra_passe palavra_chave wachtwoord losenord losenordet passordet kodeordet kodeord passord adgangskode salasana haslo heslo jelszo parola sifre \
    κωδικος пароль парол zaporka lozinka geslo slaptazodis parole parool 密码 密碼 口令 パスワード 暗証番号 비밀번호 암호 \
    كلمة_المرور كلمة_السر סיסמה पासवर्ड รหัสผ่าน mat_khau kata_sandi db_pass db_password mysql_pwd pgpassword \
    wifi_password wlan_passwort wlan_key wpa_key psk";

const PERSON: &str = "name full_name first_name last_name given_name family_name surname forename middle_name maiden_name \
    nickname contact contact_person recipient sender customer customer_name client patient employee author_name \
    attn attention cardholder account_holder holder signed signature signed_by names vorname nachname familienname \
    geburtsname ansprechpartner ansprechpartnerin empfanger absender kunde kundin kundenname patientin inhaber \
    kontoinhaber unterschrift mitarbeiter nom prenom nom_de_famille nom_complet nom_et_prenom destinataire titulaire \
    expediteur nombre apellido apellidos nombre_completo nombre_y_apellidos destinatario titular remitente cliente paciente \
    nome cognome nome_e_cognome nome_completo sobrenome intestatario mittente naam voornaam achternaam volledige_naam \
    ontvanger afzender klant imie nazwisko imie_i_nazwisko odbiorca nadawca navn fornavn etternavn efternavn namn \
    fornamn efternamn nimi etunimi sukunimi jmeno prijmeni meno nev teljes_nev nume prenume ad soyad ad_soyad adi_soyadi \
    ονομα επωνυμο ονοματεπωνυμο имя фамилия фио отчество получатель клиент ім_я прізвище піб 氏名 名前 お名前 姓名 名字 \
    联系人 收件人 姓 이름 성명 성함 اسم الاسم الاسم_الكامل שם नाम ชื่อ my_name i_am_called ich_heisse mein_name je_m_appelle \
    mon_nom me_llamo mi_nombre mi_chiamo il_mio_nome meu_nome chamo_me me_chamo ik_heet mijn_naam nazywam_sie mam_na_imie \
    jag_heter mitt_namn jeg_heter mit_navn mitt_navn nimeni_on jmenuji_se меня_зовут мене_звати 私の名前は 我叫 我的名字是 \
    제_이름은 adim benim_adim displayname fn fullname firstname lastname";

const PHONE: &str = "tel tel_no telephone telephone_number phone phone_number phone_no phones cell cellphone cell_phone mobile \
    mobile_number mobile_phone mobile_no mob fax fax_number call call_me call_me_at call_me_on reach_me_at text_me ring \
    whatsapp signal telegram sms hotline landline contact_number telefon telefonnummer tel_nr telefon_nr handy \
    handynummer mobil mobilnummer mobiltelefon festnetz rufnummer fon durchwahl ruf_mich_an telefonisch erreichbar_unter \
    anrufen telefone telefono telefonos movil celular numero_de_telefono telephone_portable portable numero_de_portable \
    gsm numero_de_telephone appelle_moi joignable_au llamame llama_al cellulare numero_di_telefono chiamami telemovel \
    numero_de_celular ligue telefoonnummer telefoon mobiel mobiele_nummer bel_me telefonnr mobilnr puhelin puhelinnumero \
    matkapuhelin telefonu komorka numer_telefonu kom telefonszam telefonni_cislo telefonne_cislo tlf tlfnr τηλεφωνο κινητο \
    телефон тел моб мобильный номер_телефона cep_telefonu telefon_numarasi 電話 電話番号 携帯 携帯電話 电话 手机 手机号 \
    手机号码 联系电话 联系方式 電話號碼 전화 전화번호 휴대폰 연락처 핸드폰 هاتف رقم_الهاتف جوال טלפון נייד फोन मोबाइल โทร \
    dien_thoai so_dien_thoai telepon nomor_telepon msisdn my_number new_number meine_nummer neue_nummer meine_neue_nummer mon_numero mi_numero il_mio_numero meu_numero  ";

const PLAIN: &str = "order order_no order_number order_id invoice invoice_no invoice_number ref reference bestellung \
    bestellnummer bestell_nr auftragsnummer rechnung rechnungsnummer rechnungs_nr rechnungsnr isbn issn doi ean gtin upc sku asin \
    article artikel artikelnummer art_nr version release build revision rev commit issue ticket ticket_no case_no bug pr page pages \
    seite kapitel chapter serial serial_number seriennummer tracking tracking_number sendungsnummer sha hash checksum md5 sha1 sha256 \
    crc port pid timestamp size bytes commande numero_de_commande facture numero_de_facture pedido factura ordine fattura \
    numero_ordine encomenda fatura bestelling bestelnummer factuur zamowienie faktura nota заказ 订单 订单号 注文番号 주문번호 \
    transaction transaction_id line lines row id uuid tag number count total amount betrag summe betrag_von rfc_no figure table \
    population einwohner habitants section step error code error_code epoch ms seconds lot batch model model_no part_no teilenummer";

const SEED: &str = "seed_phrase seed recovery_phrase mnemonic mnemonic_phrase backup_phrase secret_recovery_phrase seed_words \
    recovery_words wiederherstellungsphrase wiederherstellungsworter phrase_de_recuperation frase_semilla";

const TOKEN: &str = "api_key apikey key secret secret_key access_key access_key_id secret_access_key token access_token \
    refresh_token auth_token api_token bearer bearer_token authorization auth client_secret app_secret private_key \
    consumer_secret webhook_secret signing_key encryption_key master_key license_key activation_code session_token session_id \
    sessionid session_key csrf_token cookie credentials credential otp otp_secret totp_secret totp api_schlussel schlussel \
    geheimnis zugangsschlussel cle_api cle clave_api chave_api chiave_api jeton   recovery_code backup_code \
    recovery_key 密钥 令牌 秘密鍵 ключ токен anon_key service_key connection_string account_key sas_token storage_key secret_token \
    jwt hmac_key aws_secret_access_key";

const VEHICLE: &str = "license_plate licence_plate plate_number number_plate registration_number kennzeichen kfz_kennzeichen \
    nummernschild immatriculation plaque_d_immatriculation matricula targa kenteken numer_rejestracyjny vin \
    vehicle_identification_number fahrgestellnummer fin_nummer numero_de_chassis numero_di_telaio rekisterinumero registreringsnummer \
    госномер 车牌 车牌号 ナンバープレート placa";
