"""Ordinary customers: who they are, how their usage develops, how they are integrated."""

import random
from dataclasses import dataclass
from typing import Literal

from include.sample.days import DAYS_OF_USAGE
from include.sample.identifiers import planhat_id

Course = Literal["steady", "growing", "shrinking", "churned", "new", "seasonal"]

# How a customer's calls say who and where: the user id alone; user id and the context's groupId;
# user id and properties.company_id; or a user id that Planhat does not know, with an address that
# it does know.
Style = Literal["user", "group", "properties", "email"]


@dataclass(frozen=True)
class Customer:
    """One ordinary customer."""

    key: str
    name: str
    course: Course
    style: Style
    endusers: int
    country: str

    @property
    def company_id(self) -> str:
        """Its `_id`."""
        return planhat_id("company", self.key)

    @property
    def domain(self) -> str:
        """Its mail domain, of a name that nobody can own."""
        return f"{self.key}.example"

    def level(self, days_ago: int) -> float:
        """How busy it is on a day, 1 being its usual: 0 after it churned and before it began."""
        passed = DAYS_OF_USAGE - 1 - days_ago
        match self.course:
            case "growing":
                return 0.4 + 1.2 * passed / DAYS_OF_USAGE
            case "shrinking":
                return 1.6 - 1.3 * passed / DAYS_OF_USAGE
            case "churned":
                return 0.0 if passed > 48 else 1.1 - 0.8 * passed / 48
            case "new":
                return 0.0 if passed < 66 else 0.6 + (passed - 66) / 18
            case "seasonal":
                return 0.35 if 38 <= passed < 54 else 1.15
            case _:
                return 1.0


@dataclass(frozen=True)
class Person:
    """An enduser of an ordinary customer; `in_planhat` is False for those that only Segment has."""

    number: int
    first_name: str
    last_name: str
    email: str
    user_id: str
    position: str
    in_planhat: bool
    is_mobile: bool


CUSTOMERS = tuple(
    Customer(*row)  # type: ignore[arg-type]
    for row in (
        ("meridian-freight", "Meridian Freight", "growing", "group", 18, "Sweden"),
        ("sandstone-builders", "Sandstone Builders", "steady", "user", 16, "United Kingdom"),
        ("polar-fisheries", "Polar Fisheries", "steady", "email", 9, "Norway"),
        ("cobalt-clinics", "Cobalt Clinics", "growing", "properties", 14, "Germany"),
        ("vesper-hotels", "Vesper Hotels", "seasonal", "group", 17, "Spain"),
        ("copperfield-schools", "Copperfield Schools", "steady", "user", 12, "Ireland"),
        ("lantern-retail", "Lantern Retail", "shrinking", "group", 15, "France"),
        ("tidewater-utilities", "Tidewater Utilities", "steady", "properties", 13, "Netherlands"),
        ("quartz-mining", "Quartz Mining", "churned", "user", 10, "Chile"),
        ("juniper-foods", "Juniper Foods", "growing", "email", 11, "Italy"),
        ("halcyon-air", "Halcyon Air", "steady", "group", 20, "Portugal"),
        ("ember-restaurants", "Ember Restaurants", "seasonal", "user", 9, "Greece"),
        ("northbridge-legal", "Northbridge Legal", "steady", "email", 7, "Canada"),
        ("silverline-transit", "Silverline Transit", "shrinking", "properties", 12, "Belgium"),
        ("orchard-cooperative", "Orchard Cooperative", "steady", "user", 8, "Denmark"),
        ("bluepeak-outdoor", "Bluepeak Outdoor", "growing", "group", 10, "Austria"),
        ("marigold-care", "Marigold Care Homes", "new", "group", 9, "Finland"),
        ("granite-insurance", "Granite Insurance", "churned", "group", 11, "Switzerland"),
        ("willow-pharma", "Willow Pharma", "steady", "properties", 12, "Germany"),
        ("saffron-catering", "Saffron Catering", "shrinking", "user", 7, "India"),
        ("ironwood-machines", "Ironwood Machines", "steady", "group", 13, "Poland"),
        ("crescent-shipping", "Crescent Shipping", "growing", "user", 11, "Singapore"),
        ("velvet-studios", "Velvet Studios", "new", "email", 6, "United States"),
        ("harvest-grain", "Harvest Grain", "seasonal", "properties", 8, "Ukraine"),
        ("aurora-telecom", "Aurora Telecom", "steady", "group", 14, "Iceland"),
        ("pinnacle-sports", "Pinnacle Sports", "churned", "email", 6, "Australia"),
        ("riverstone-museums", "Riverstone Museums", "new", "user", 6, "Czechia"),
    )
)

_FIRST = (  # noqa: SIM905 - a list of words reads better as a text
    "Aino Amara Anders Anouk Bilal Bruna Carlos Chiara Daan Divya Ebba Elif Emeka Fatima Florian "
    "Gabriel Greta Haruto Helga Ines Ivan Jamila Jonas Kaito Katarina Leila Linnea Luca Mads "
    "Marta Mateo Mei Nadia Noor Oskar Paola Priya Rafael Rania Sven Tariq Teresa Umut Vera "
    "Viktor Wen Yusuf Zofia"
).split()
_LAST = (  # noqa: SIM905
    "Adeyemi Almeida Andersson Baran Becker Bianchi Castro Chen Costa Dahl Demir Dubois Eriksen "
    "Farah Ferrari Fischer Garcia Haddad Hansen Horvat Ito Jansen Kaya Khan Kowalski Larsen Lopez "
    "Martin Mehta Moreau Nakamura Nilsson Novak Okafor Patel Petrov Popescu Rossi Santos Schmidt "
    "Silva Singh Tanaka Virtanen Wagner Weber Yamada Zhang"
).split()
_POSITIONS = (
    "Operations Manager", "Site Lead", "Quality Engineer", "Planner", "Head of Safety",
    "Technician", "Finance Controller", "IT Administrator", "Regional Director", "Coordinator",
)  # fmt: skip

# People beyond those that Planhat has, in styles whose calls name a company: they are created.
_ONLY_IN_SEGMENT = {"user": 0, "group": 1, "properties": 1, "email": 0}


def people(customer: Customer) -> list[Person]:
    """A customer's endusers, those that only Segment has last."""
    rng = random.Random(f"people/{customer.key}")  # noqa: S311 - a sample, not a secret
    found = []
    for number in range(customer.endusers + _ONLY_IN_SEGMENT[customer.style]):
        first, last = rng.choice(_FIRST), rng.choice(_LAST)
        found.append(
            Person(
                number,
                first,
                last,
                f"{first}.{last}{number + 1}@{customer.domain}".lower(),
                f"{customer.key}-{number + 1:03}",
                rng.choice(_POSITIONS),
                number < customer.endusers,
                rng.random() < 0.15,
            )
        )
    return found


def enduser_id(customer: Customer, person: Person) -> str:
    """The `_id` of an enduser in Planhat."""
    return planhat_id("enduser", person.user_id)


def assets(customer: Customer) -> list[str]:
    """externalIds of a customer's assets; every company counts from 1, as companies do."""
    return [f"unit-{number}" for number in range(1, 1 + customer.endusers // 5)]


def projects(customer: Customer) -> list[str]:
    """externalIds of a customer's projects."""
    return [f"programme-{number}" for number in range(1, 1 + customer.endusers // 6)]
