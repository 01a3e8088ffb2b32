"""A labelled corpus of made-up people, with Faker, in fourteen locales: what must not leave, and where.

    corpus.py OUT.jsonl tune|held [COUNT]

Each line is a text with what is known of its people, and the places (in bytes of UTF-8) that must go.
"""

import base64
import json
import pathlib
import random
import string
import sys

from faker import Faker

from templates import FORMATS, PROSE

LOCALES = [
    "en_US", "en_GB", "en_CA", "de_DE", "de_AT", "de_CH", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "pt_BR", "sv_SE", "ru_RU",
    "ja_JP", "zh_CN",
]
SEEDS = {"tune": 20261, "held": 94117}
KINDS = {
    "known": "CONTACT", "first": "CONTACT", "last": "CONTACT", "kemail": "CONTACT", "kphone": "CONTACT", "kaddress": "CONTACT",
    "person": "PERSON", "surname": "PERSON", "bare": "BARE", "email": "EMAIL", "phone": "PHONE", "address": "ADDRESS",
    "birth": "BIRTHDATE", "iso": "BIRTHDATE", "id": "ID", "passport": "ID", "iban": "IBAN", "card": "CARD", "cvv": "CARD", "ip": "IP",
    "mac": "MAC", "coord": "COORDINATES", "url": "URL", "dburl": "URL", "key": "KEY", "password": "SECRET",
}
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "pl": "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "sv": "januari februari mars april maj juni juli augusti september oktober november december",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
}
# For locales that have none of their own.
CARDS, IBANS = Faker("en_US"), Faker("de_DE")


class Person:
    """What one person has, as their locale writes it."""

    def __init__(self, fake: Faker, locale: str, rng: random.Random):
        self.fake, self.locale, self.rng = fake, locale, rng
        self.language = locale[:2]
        self.day = fake.date_of_birth(minimum_age=18, maximum_age=90)
        # What is shown to friends has no titles.
        self.first, self.last = fake.first_name(), fake.last_name()
        while self.language == "zh" and len(self.first) < 2:
            # One letter alone is no name that anybody is called by.
            self.first = fake.first_name()
        joint = "" if self.language in ("ja", "zh") else " "
        self.name = f"{self.last}{joint}{self.first}" if self.language in ("ja", "zh") else f"{self.first}{joint}{self.last}"
        self.email = fake.email()
        self.phone = fake.phone_number()
        self.address = fake.address()

    def birth(self) -> str:
        day, month, year = self.day.day, self.day.month, self.day.year
        if self.language in ("ja", "zh"):
            return self.rng.choice([f"{year}年{month}月{day}日", f"{year}/{month:02}/{day:02}", f"{year}-{month:02}-{day:02}"])
        names = MONTHS[self.language].split()
        ways = {
            "en": [f"{names[month - 1]} {day}, {year}", f"{day} {names[month - 1]} {year}", f"{month}/{day}/{year}", f"{names[month - 1][:3]} {day} {year}"],
            "de": [f"{day}. {names[month - 1]} {year}", f"{day:02}.{month:02}.{year}", f"{day}.{month}.{year % 100:02}"],
            "es": [f"{day} de {names[month - 1]} de {year}", f"{day:02}/{month:02}/{year}"],
            "pt": [f"{day} de {names[month - 1]} de {year}", f"{day:02}/{month:02}/{year}"],
        }
        ways = ways.get(self.language, [f"{day} {names[month - 1]} {year}", f"{day:02}/{month:02}/{year}", f"{day:02}-{month:02}-{year}"])
        return self.rng.choice([*ways, self.day.isoformat()])

    def identity(self) -> str:
        fake = self.fake
        make = {
            "en_US": lambda: self.rng.choice([fake.ssn, fake.itin])(), "en_GB": self.national_insurance, "en_CA": fake.ssn,
            "de_DE": self.tax_number, "de_AT": fake.ssn, "de_CH": fake.ssn, "fr_FR": fake.ssn, "es_ES": lambda: self.rng.choice([fake.nif, fake.nie])(),
            "it_IT": fake.ssn, "nl_NL": fake.ssn, "pl_PL": lambda: fake.pesel(), "pt_BR": lambda: fake.cpf(), "sv_SE": fake.ssn,
            "ru_RU": lambda: fake.individuals_inn(), "zh_CN": fake.ssn, "ja_JP": fake.ssn,
        }
        return make[self.locale]()

    def national_insurance(self) -> str:
        text = "".join(self.rng.choice(letters) for letters in ("ABCEGHJ", "CEGHJLMPRSW")) + f"{self.rng.randrange(10**6):06}" + self.rng.choice("ABCD")
        return text if self.rng.random() < 0.5 else " ".join([text[:2], text[2:4], text[4:6], text[6:8], text[8]])

    def tax_number(self) -> str:
        digits = self.rng.sample(range(10), 9)
        digits.insert(self.rng.randrange(2, 9), digits[0])
        if digits[0] == 0:
            return self.tax_number()
        product = 10
        for digit in digits:
            product = ((digit + product) % 10 or 10) * 2 % 11
        text = "".join(map(str, digits)) + str((11 - product) % 10)
        return text if self.rng.random() < 0.5 else f"{text[:2]} {text[2:5]} {text[5:8]} {text[8:]}"


class Things:
    """What belongs to no person."""

    def __init__(self, fake: Faker, rng: random.Random):
        self.fake, self.rng = fake, rng

    def letters(self, length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(self.rng.choice(alphabet) for _ in range(length))

    def key(self) -> str:
        part = lambda size: base64.urlsafe_b64encode(self.rng.randbytes(size)).decode().rstrip("=")
        jwt = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
        return self.rng.choice([
            "sk-" + "proj-" + self.letters(48), "sk-" + "ant-api03-" + self.letters(64), "gh" + "p_" + self.letters(36),
            "AK" + "IA" + self.letters(16, string.ascii_uppercase + string.digits), "AI" + "za" + self.letters(35), "glpat-" + self.letters(20),
            "xo" + "xb-" + self.letters(11, string.digits) + "-" + self.letters(24), "hf_" + self.letters(34), "npm_" + self.letters(36),
            "sk_live_" + self.letters(24), f"{jwt}.{part(30)}.{part(32)}", self.letters(40), self.letters(32, "0123456789abcdef"),
        ])

    def password(self) -> str:
        return self.rng.choice([self.fake.password(length=12), self.fake.password(length=9), self.letters(10), "Sommer2024!", "hunter22", "korrekt-Pferd-9"])

    def url(self) -> str:
        host = self.fake.domain_name()
        return self.rng.choice([
            f"https://{host}/reset?token={self.letters(32)}", f"https://user:{self.letters(9)}@{host}/x",
            f"https://hooks.{host}/services/{self.letters(11)}/{self.letters(24)}", f"https://{host}/a#access_token={self.letters(40)}",
        ])

    def database(self) -> str:
        return f"postgres://app:{self.letters(12)}@{self.fake.domain_name()}:5432/main"

    def coordinates(self) -> str:
        latitude, longitude = self.rng.uniform(-85, 85), self.rng.uniform(-180, 180)
        sides = ("N" if latitude > 0 else "S", "E" if longitude > 0 else "W")
        angle = lambda value: (int(value), int(value * 60 % 60), value * 3600 % 60)
        one, other = angle(abs(latitude)), angle(abs(longitude))
        return self.rng.choice([
            f"{latitude:.6f}, {longitude:.6f}", f"{latitude:.4f},{longitude:.4f}", f"geo:{latitude:.5f},{longitude:.5f}",
            f"{one[0]}°{one[1]:02}'{one[2]:04.1f}\"{sides[0]} {other[0]}°{other[1]:02}'{other[2]:04.1f}\"{sides[1]}",
        ])

    def grouped(self, text: str, size: int = 4) -> str:
        return " ".join(text[at:at + size] for at in range(0, len(text), size)) if self.rng.random() < 0.5 else text

    def address(self) -> str:
        return self.rng.choice([lambda: self.fake.ipv4_public(), self.fake.ipv6])()


def values(slot: str, contact: Person, stranger: Person, things: Things) -> str:
    fake, rng = stranger.fake, stranger.rng
    make = {
        "known": lambda: rng.choice([contact.name, contact.name, contact.name.upper(), f"{contact.last}, {contact.first}", contact.first]),
        "first": lambda: contact.first, "last": lambda: contact.last, "kemail": lambda: contact.email, "kphone": lambda: contact.phone,
        "kaddress": lambda: one_line(contact.address, rng), "person": lambda: f"{stranger.name}", "surname": lambda: stranger.last,
        "bare": lambda: stranger.name, "email": lambda: stranger.email, "phone": fake.phone_number,
        "address": lambda: one_line(stranger.address, rng), "birth": stranger.birth, "iso": lambda: stranger.day.isoformat(),
        "id": stranger.identity, "passport": lambda: rng.choice(["C01X00T47", f"{rng.randrange(10**8, 10**9)}", f"P{rng.randrange(10**6, 10**7)}"]),
        "iban": lambda: things.grouped(IBANS.iban() if stranger.locale in ("en_US", "ja_JP", "ru_RU", "it_IT", "zh_CN", "en_CA", "pt_BR", "es_ES") else fake.iban()),
        "card": lambda: things.grouped(CARDS.credit_card_number(rng.choice(["visa16", "mastercard", "amex", "maestro", "discover"]))),
        "cvv": lambda: f"{rng.randrange(100, 1000)}", "ip": things.address, "mac": fake.mac_address, "coord": things.coordinates, "url": things.url,
        "dburl": things.database, "key": things.key, "password": things.password,
    }
    return make[slot]()


def one_line(address: str, rng: random.Random) -> str:
    return address if rng.random() < 0.3 else ", ".join(line.strip() for line in address.split("\n"))


def fill(template: str, locale: str, contact: Person, stranger: Person, things: Things) -> dict:
    text, spans = "", []
    for literal, slot, _, _ in string.Formatter().parse(template):
        text += literal
        if slot is None:
            continue
        value = values(slot, contact, stranger, things)
        start = len(text.encode())
        text += value
        spans.append({"start": start, "end": start + len(value.encode()), "kind": KINDS[slot]})
    known = {"persons": [contact.name], "emails": [contact.email], "phones": [contact.phone], "addresses": [contact.address.replace("\n", ", ")]}
    return {"locale": locale, "text": text, "spans": spans, "known": known}


def main() -> None:
    out, half = pathlib.Path(sys.argv[1]), sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 25
    which = ["tune", "held"].index(half)
    with out.open("w", encoding="utf-8") as file:
        for index, locale in enumerate(LOCALES):
            seed = SEEDS[half] + index
            Faker.seed(seed)
            fake, rng = Faker(locale), random.Random(seed)
            things = Things(fake, rng)
            for template in PROSE[locale[:2]][which] + FORMATS[which]:
                for _ in range(count):
                    contact, stranger = Person(fake, locale, rng), Person(fake, locale, rng)
                    file.write(json.dumps(fill(template, locale, contact, stranger, things), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
