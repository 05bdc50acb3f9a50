"""Invents people from a seed, out of lists of names, places and lessons."""

import unicodedata
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rollbook.sandbox import bundle

type Ints = NDArray[np.int64]
type Words = NDArray[np.uint64]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN = _words("""
    Aaliyah Abel Adaeze Adriana Ahmed Aiko Aisha Alejandro Amara Amelia Amir Anaïs Andre Anika Anna Antonio Aria Arjun Asher
    Astrid Ava Beatriz Benjamin Björn Bruno Camila Carlos Caleb Chiara Chidi Chloé Clara Cormac Daniela Dante David Dmitri Dylan
    Ebony Elena Eli Elif Elijah Elsa Emeka Emilia Emma Ethan Eva Farah Fatima Felix Fernanda Finn Gabriel Gael Giulia Grace Hana
    Harper Hassan Hawa Henry Hugo Imani Inés Isaac Isabella Ivan Jada Jamal James Jasmine Javier Jiho Joaquín João Jonas José Joy
    Juliette Kai Kamala Karim Keisha Kenji Khadija Kofi Kwame Lakshmi Lars Layla Leah Leilani Leo Liam Lin Linh Logan Lucía Lukas
    Luna Łukasz Maëlle Maya Malik Marcus Mariam Mary-Kate Mateo Mei Mia Miguel Mila Mohammed Nadia Naomi Natalia Neha Nia Nikhil
    Noah Nora Núria Olivia Omar Oscar Owen Paloma Pavel Penelope Pilar Priya Quinn Rafael Rania Ravi Renée Rosa Ruby Ryan Saanvi
    Salma Samir Samuel Santiago Sara Sean Sébastien Selam Sofía Søren Stella Tariq Tatiana Thandiwe Thiago Tomás Trinh Uma
    Valentina Victor Wei Willow Wyatt Ximena Yara Yasmin Yuki Yusuf Zahra Zainab Zoë Zola
""")
FAMILY = _words("""
    Abara Abdi Adeyemi Aguilar Ahmed Al-Amin Alvarez Andersen Anderson Ångström Araújo Asante Baker Banerjee Barnes Bauer Begay
    Bell Bennett Bergström Bianchi Bose Boateng Brennan Brooks Brown Bui Campbell Carter Castillo Castro Çelik Chang Chavez Chen
    Cheng Cho Choi Clarke Cohen Coleman Collins Cooper Cortés Cruz D'Angelo D'Souza Dang Davis Dawes Delgado Demir Desai Diallo
    Diaz Do Dvořák Edwards El-Sayed Ellis Espinoza Evans Farouk Fernández Fischer Fitzgerald Flores Fofana Foster Fuentes
    Gallagher Garcia García-López Gebre Gomez González Gonçalves Gray Greene Grant Gupta Gutiérrez Habib Hall Hansen Haddad Harris
    Hassan Hernandez Herrera Hill Ho Hoang Horvat Howard Huang Hughes Hussein Ibrahim Ito Jackson Jansen Jensen Jiménez Johnson
    Jones Jung Kamau Kang Kapoor Kaur Keller Kelly Khalil Khan Kim King Kovač Kowalski Kumar Lam Larsen Lê Lee Leon Lewis Li Lin
    Lindqvist Liu López Lopes Mahmoud Malik Mansour Martin Martínez Mbeki McAllister McKenna Medina Mehta Mendoza Mensah Meyer
    Miller Mitchell Moore Morales Moreau Morgan Morris Müller Murphy Musa Nakamura Nasser Ndiaye Nelson Nguyen Nielsen Novak Núñez
    Nwosu O'Brien O'Connor O'Neil Oduya Okafor Okoye Oliveira Olsen Ortiz Osei Ouédraogo Owusu Öztürk Park Parker Patel Peña Pérez
    Perry Petrov Pham Phillips Popescu Powell Price Qureshi Rahman Ramirez Ramos Rao Reed Reyes Richardson Rivera Roberts Robinson
    Rodriguez Rossi Ruiz Russell Saito Salazar Sánchez Sanders Santos Sato Schmidt Schneider Scott Sesay Shah Shapiro Sharma Silva
    Singh Smith Smith-Okoro Sokolov Soto Souza Suzuki Svensson Tanaka Taylor Tesfaye Thomas Thompson Torres Tran Traoré Turner
    Vargas Vega Vo Walker Wang Ward Washington Watanabe Weber White Wilson Wolf Wong Wójcik Wright Wu Xiong Yamamoto Yang Yazzie
    Yıldız Young Yusuf Zamora Zhang Zhou Ziegler Zimmermann
""")
FIRST_OF_PLACE = _words("""
    Alder Amber Aspen Birch Blackbird Bluebell Briar Cedar Chestnut Clover Copper Cottonwood Crane Cypress Dogwood Elm Falcon Fern
    Foxglove Granite Harrow Hawthorn Hazel Heron Hickory Juniper Kestrel Larch Laurel Linden Magnolia Marigold Meadowlark Mulberry
    Oriole Pebble Pine Plover Poplar Quail Redbud Rowan Sable Sage Sorrel Spruce Sumac Sycamore Tamarack Teal Thistle Walnut
    Willow Wren Yarrow
""")
SECOND_OF_PLACE = _words("""
    Bay Bend Bluff Bridge Brook Canyon Creek Crossing Dale Falls Field Flats Ford Gap Glen Grove Harbor Heights Hill Hollow Island
    Junction Lake Landing Meadows Mesa Mill Park Pass Point Pond Prairie Ridge River Run Shore Spring Summit Terrace Vale Valley
    View
""")
# What a school may add to a class's title in the middle of the year.
LABELS = ("Honors", "Advanced", "Inclusion", "Team A", "Team B", "Bilingual", "Lab", "Seminar")

# Letters that do not come apart into a plain one and an accent.
_WHOLE = str.maketrans({"ø": "o", "ł": "l", "ı": "i", "đ": "d", "ß": "ss", "æ": "ae"})


def plain(name: str) -> str:
    """Return the name as it stands in a username: lower-case a to z, nothing else."""
    apart = unicodedata.normalize("NFKD", name.lower().translate(_WHOLE))
    return "".join(letter for letter in apart if "a" <= letter <= "z")


@dataclass(frozen=True)
class Slot:
    """One of the eight things that a student of a level takes; a big school offers it in several variants."""

    titles: tuple[str, ...]
    subjects: str
    codes: str
    seats: int
    period: str
    terms: str = "s1,s2"
    all_grades: bool = False  # one course for the whole school


@dataclass(frozen=True)
class Level:
    """A kind of school. `homerooms` is how many of the slots a group takes together with its own teacher."""

    title: str
    grades: tuple[str, ...]
    seats: int
    homerooms: int
    slots: tuple[Slot, ...]


_ELEMENTARY = (
    Slot(("Homeroom",), "Homeroom", "22", 30, "HR", "sy"),
    Slot(("Reading, Writing and Speaking",), "English Language Arts,Reading", "01,0102", 30, "1", "sy"),
    Slot(("Mathematics",), "Mathematics", "02", 30, "2", "sy"),
    Slot(("Science",), "Science", "03", 30, "3", "sy"),
    Slot(("Social Studies",), "Social Studies", "04", 30, "4", "sy"),
    Slot(("Art",), "Visual Arts", "05", 60, "5", "sy", True),
    Slot(("Music",), "Music", "0505", 60, "6", "sy", True),
    Slot(("Physical Education",), "Physical Education", "08", 60, "7", "sy", True),
)
_SECONDARY = (
    Slot(("English", "Honors English"), "English Language Arts", "01", 34, "1"),
    Slot(("Mathematics", "Honors Mathematics"), "Mathematics", "02", 34, "2"),
    Slot(("Science", "Honors Science"), "Science,Laboratory", "03,0399", 34, "3"),
    Slot(("Social Studies", "Honors Social Studies"), "Social Studies", "04", 34, "4"),
    Slot(("Spanish", "French", "Mandarin", "American Sign Language"), "World Languages", "24", 34, "5"),
    Slot(("Studio Art", "Band", "Choir", "Theater", "Ceramics"), "Arts", "05", 34, "6"),
    Slot(("Physical Education", "Dance"), "Physical Education", "08", 34, "7", "s1"),
    Slot(("Health", "Computer Science", "Personal Finance", "Journalism", "Robotics"), "Electives", "22", 34, "7", "s2"),
)
_GRADES = ("KG", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12")

LEVELS = (
    Level("Elementary", _GRADES[:6], 460, 5, _ELEMENTARY),
    Level("Middle School", _GRADES[6:9], 720, 0, _SECONDARY),
    Level("High School", _GRADES[9:], 1300, 0, _SECONDARY),
)
# A district too small for a middle school of its own.
FEW_LEVELS = (
    Level("Elementary", _GRADES[:7], 460, 5, _ELEMENTARY),
    Level("High School", _GRADES[7:], 1300, 0, _SECONDARY),
)

_GUARDIAN_MAIL = pl.Series(["mail.example", "post.example", "inbox.example"])
_GUARDIAN_ROLES = pl.Series(["parent"] * 8 + ["guardian", "relative"])
_AREAS = pl.Series(["217", "309", "413", "503", "585", "608", "715", "802", "928", "970"])
GIVENS = pl.Series(GIVEN)
FAMILIES = pl.Series(FAMILY)
_GIVEN_PLAIN = pl.Series([plain(name) for name in GIVEN])
_FAMILY_PLAIN = pl.Series([plain(name) for name in FAMILY])
_PLAIN = dict(zip(FAMILY, _FAMILY_PLAIN, strict=True))


@dataclass(frozen=True)
class Dice:
    """Gives numbers that look random and follow from the seed alone: no library's generator, so no release can change them."""

    seed: int

    def roll(self, stream: str, count: int) -> Words:
        """Return `count` 64-bit numbers, another sequence for every stream."""
        key = np.uint64((crc32(stream.encode()) << 32 | self.seed & 0xFFFFFFFF) ^ (self.seed >> 32 & 0xFFFFFFFF))
        start = _mix(np.array([key], dtype=np.uint64))
        return _mix(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + start)

    def below(self, stream: str, count: int, limit: int | Ints) -> Ints:
        """Return `count` numbers from 0 to below the limit, which may differ from one to the next."""
        limits = np.broadcast_to(np.asarray(limit, dtype=np.uint64), (count,))
        return ((self.roll(stream, count) >> np.uint64(32)) * limits >> np.uint64(32)).astype(np.int64)

    def order(self, stream: str, count: int) -> Ints:
        """Return the numbers from 0 to below `count`, shuffled."""
        return np.argsort(self.roll(stream, count), kind="stable").astype(np.int64)

    def guids(self, stream: str, count: int) -> pl.Series:
        """Return ids that look like random UUIDs."""
        raw = np.column_stack([self.roll(f"{stream} {half}", count) for half in ("high", "low")]).astype(">u8")
        octets = raw.view(np.uint8).reshape(count, 16)
        octets[:, 6] = octets[:, 6] & 0x0F | 0x40
        octets[:, 8] = octets[:, 8] & 0x3F | 0x80
        digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
        text = np.full((count, 36), ord("-"), dtype=np.uint8)
        text[:, [at for at in range(36) if at not in (8, 13, 18, 23)]] = np.column_stack(
            [digits[octets >> 4].reshape(-1), digits[octets & 15].reshape(-1)]
        ).reshape(count, 32)
        return pl.Series(np.ascontiguousarray(text).view("S36").reshape(count)).cast(pl.String)


def _mix(x: Words) -> Words:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def starts(counts: Ints) -> Ints:
    return np.cumsum(counts) - counts


def invented(dice: Dice, stream: str, count: int) -> dict[str, pl.Series]:
    given = dice.below(f"{stream} given", count, len(GIVENS))
    family = dice.below(f"{stream} family", count, len(FAMILIES))
    return {
        "givenName": GIVENS.gather(given),
        "familyName": FAMILIES.gather(family),
        "given": _GIVEN_PLAIN.gather(given),
        "family": _FAMILY_PLAIN.gather(family),
    }


def phones(dice: Dice, stream: str, count: int) -> pl.Series:
    """Return numbers of the block that is kept free for fiction."""
    area = _AREAS.gather(dice.below(f"{stream} area", count, len(_AREAS)))
    last = dice.below(f"{stream} phone", count, 100)
    return pl.select(pl.format("{}-555-01{}", area, pl.Series(last).cast(pl.String).str.zfill(2))).to_series()


def guardians(dice: Dice, numbers: Ints, family: Ints) -> tuple[pl.DataFrame, pl.Series]:
    """Return the guardians of each family, and their ids as each of its children lists them."""
    count = len(numbers)
    adults = 1 + (dice.below("adults", count, 8) > 0)
    home = np.repeat(np.arange(count), adults)
    second = np.arange(len(home)) - starts(adults)[home]
    given = dice.below("guardian given", len(home), len(GIVENS))
    other = (second == 1) & (dice.below("other name", len(home), 4) == 0)
    called = np.where(other, dice.below("guardian family", len(home), len(FAMILIES)), family[home])
    ids = dice.guids("guardian", len(home))
    rows = pl.DataFrame(
        {
            "sourcedId": ids,
            "role": _GUARDIAN_ROLES.gather(dice.below("guardian role", len(home), len(_GUARDIAN_ROLES))),
            "givenName": GIVENS.gather(given),
            "familyName": FAMILIES.gather(called),
            "given": _GIVEN_PLAIN.gather(given),
            "family": _FAMILY_PLAIN.gather(called),
            "number": 2 * numbers[home] + second,
            "domain": _GUARDIAN_MAIL.gather(dice.below("guardian mail", len(home), len(_GUARDIAN_MAIL))),
            "sms": phones(dice, "guardian", len(home)),
        }
    ).with_columns(enabledUser=pl.lit("true"), username=pl.format("{}.{}.{}", "given", "family", "number"))
    start = starts(adults)
    both = pl.DataFrame({"one": ids.gather(start), "two": ids.gather(start + adults - 1), "adults": adults})
    agents = both.select(pl.when(pl.col("adults") == 2).then(pl.format("{},{}", "one", "two")).otherwise("one"))
    return bundle.people(rows.with_columns(email=pl.format("{}@{}", "username", "domain"))), agents.to_series()


def students(
    dice: Dice, numbers: Ints, family: pl.Series, schools: pl.Series, grades: pl.Series, agents: pl.Series, domains: pl.Series
) -> pl.DataFrame:
    count = len(numbers)
    given = dice.below("student given", count, len(GIVENS))
    middle = GIVENS.gather(dice.below("student middle", count, len(GIVENS)))
    preferred = GIVENS.gather(dice.below("student preferred", count, len(GIVENS)))
    rows = pl.DataFrame(
        {
            "sourcedId": dice.guids("student", count),
            "orgSourcedIds": schools,
            "number": numbers,
            "givenName": GIVENS.gather(given),
            "given": _GIVEN_PLAIN.gather(given),
            "familyName": family,
            "middle": middle,
            "has_middle": dice.below("has middle", count, 5) < 2,
            "preferred": preferred,
            "has_preferred": dice.below("has preferred", count, 40) == 0,
            "grades": grades,
            "agentSourcedIds": agents,
            "domain": domains,
        }
    ).with_columns(
        enabledUser=pl.lit("true"),
        role=pl.lit("student"),
        middleName=pl.when("has_middle").then("middle"),
        preferredGivenName=pl.when("has_preferred").then("preferred"),
        identifier=pl.col("number").cast(pl.String),
        username=username(pl.col("given"), pl.col("familyName"), pl.col("number")),
    )
    return bundle.people(rows.with_columns(email=pl.format("{}@{}", "username", "domain")))


def username(given: pl.Expr, family: pl.Expr, number: pl.Expr) -> pl.Expr:
    return pl.format("{}{}{}", given.str.slice(0, 1), family.replace_strict(_PLAIN, return_dtype=pl.String), number)
