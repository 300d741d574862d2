"""A history of master data, deliveries and decisions, event by event, for the batch's SQL and for the bookkeeper alike.

Two partners use the same ids all the time; a third one's calls tell the time. An event that the feeds would refuse, or that the product
refuses to decide, is none. What is drawn is numbers: each event picks what it is about by them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.models import books
from tests.models.billed import CALLS, PLACE, STAGED, Batch, raw_columns, seed
from tests.models.books import Books, Call, Charge, Invoice, Ledger, Line, Rows, following, last_of, month_of, quarter_of

PARTNERS, CLOCK = ("p1", "p2", "p3", "p4"), "p0"
HOMES = {"c1": "p1", "c2": "p1", "c3": "p1", "d1": "p2", "d2": "p2", "e1": "p3", "e2": "p3", "f1": "p4", "f2": "p4", "clock": CLOCK}
RESELLERS, PLANS, GROUPS = (None, "r1", "r2"), ("a", "b"), (None, "g")
VAT = ("standard", "reverse_charge", "exempt", None)
SERVICES = {
    "sip": ("SIP trunks", "quantity", "advance", "10.0000", "5.0000"),
    "fax": ("Fax2Mail", "quantity", "arrears", "50.0000", "10.3333"),
    "host": ("3CX hosting", "quantity", "arrears", "0.0000", "7.7777"),
    "std": ("3CX licentie", "extensions", "arrears", "0.0000", "2.0000"),
    "pro": ("3CX licentie", "extensions", "arrears", "1.0000", "4.0100"),
    "air": ("Vast-mobiel", "airtime", "arrears", "2.5000", "0.0400"),
    "air2": ("Vast-mobiel", "airtime", "arrears", "0.0000", "0.0655"),
}
CATEGORIES = tuple(dict.fromkeys(terms[0] for terms in SERVICES.values()))
SEATS = ("std", "pro")
BEGIN = date(2026, 1, 25)
DESTINATIONS = (("NL", "FIX"), ("NL", "MOB"), ("BE", "MOB"))

State = dict[str, Any]


class History:
    """What landed and what was decided; ``run`` publishes it on both sides and compares them."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.today = BEGIN
        self.met: Counter[str] = Counter()
        self.landed: dict[str, dict[tuple, State]] = {feed: {} for feed in STAGED}
        self.calls: dict[str, Call] = {}
        self.ledger = Ledger()
        self.raw: dict[str, list[State]] = defaultdict(list)
        self.published: Books | None = None
        self.found: dict[str, list[State]] = {}
        self.credited_since_run: set[tuple[str, str]] = set()
        self.numbers: Counter[str] = Counter()
        self.promised: dict[tuple[str, ...], list[tuple]] = {}
        self.places = 0
        self._begin()

    def _begin(self) -> None:
        start = date(2025, 1, 1)
        for partner in (*PARTNERS, CLOCK):
            billing_from = date(2026, 1, 1) if partner == "p2" else None
            self._land("partners", (partner,), partner_id=partner, name=partner, deck_id="d", tier="premium", billing_from=billing_from)
        for code, (category, metering, charged, nrc, mrc) in SERVICES.items():
            self._land(
                "services", (code, start), service_code=code, category=category, name=code, metering=metering, charged=charged,
                nrc_purchase_eur=Decimal(nrc), mrc_purchase_eur=Decimal(mrc), valid_from=start,
            )  # fmt: skip
        for number, (customer, partner) in enumerate(HOMES.items()):
            begins = date(2025, 11, 15) if customer in ("c3", "d2") else None
            self.customer_row(
                customer, partner, begins, reseller_id=RESELLERS[number % 3], customer_group=GROUPS[number % 2], vat_category=VAT[0]
            )
        for partner in PARTNERS:
            for reseller in RESELLERS[1:]:
                self._reseller(partner, reseller, 5 if reseller == "r1" else 12, 10)
            for plan in PLANS:
                self._land("service_plans", (partner, plan), service_plan_id=plan, partner_id=partner, name=plan)
                for number, category in enumerate(CATEGORIES):
                    percent = Decimal(110 + 15 * number + (7 if plan == "b" else 0) + PARTNERS.index(partner))
                    self._markup(partner, plan, category, None, start, nrc_percent=percent, mrc_percent=percent + 1)
        for customer, partner in HOMES.items():
            if customer not in ("c2", "clock"):
                self.plan_row(customer, None, partner, "a", start)
        for partner in PARTNERS:
            self.plan_row(None, "g", partner, "b", start)
        self._tick()

    # What lands

    def _land(self, feed: str, key: tuple, **values: Any) -> None:
        self.places += 1
        self.landed[feed].pop(key, None)
        self.landed[feed][key] = dict.fromkeys(STAGED[feed]) | values | {"file_id": 1, "line": self.places}

    def customer_row(self, customer: str, partner: str, begins: date | None, **values: Any) -> None:
        fixed = dict.fromkeys(("name", "street", "postal_code", "city", "email"), "x")
        self._land(
            "customers",
            (customer, partner, begins),
            **(fixed | values | {"customer_id": customer, "partner_id": partner, "valid_from": begins}),
        )

    def _reseller(self, partner: str, reseller: str, calls: int, services: int) -> None:
        percents = {"call_commission_percent": Decimal(calls), "service_commission_percent": Decimal(services)}
        self._land("resellers", (partner, reseller), reseller_id=reseller, partner_id=partner, name=reseller, **percents)

    def _markup(self, partner: str, plan: str, category: str | None, code: str | None, begins: date, **values: Any) -> None:
        of = {"partner_id": partner, "service_plan_id": plan, "category": category, "service_code": code, "valid_from": begins}
        self._land("service_plan_markups", (partner, plan, category, code, begins), **of, **values)

    def plan_row(self, customer: str | None, group: str | None, partner: str, plan: str, begins: date, ends: date | None = None) -> None:
        key = (customer, group, partner, begins)
        of = {"customer_id": customer, "customer_group": group, "partner_id": partner, "service_plan_id": plan}
        self._land("customer_plans", key, **of, valid_from=begins, valid_to=ends)

    def _tick(self) -> None:
        self._call("clock", self.today, "exempt", Fraction(0), Fraction(0), None, DESTINATIONS[0], 60)

    def _call(
        self, customer: str, on: date, status: str, purchase: Fraction | None, sale: Fraction | None, leg: str | None,
        destination: tuple[str, str], seconds: int,
    ) -> None:  # fmt: skip
        key = f"call-{len(self.calls) + 1}"
        self.calls[key] = Call(
            key, HOMES[customer], customer, on, leg, *destination, seconds, seconds if status == "rated" else None, purchase, sale, status
        )

    def partner_on(self, customer: str, on: date) -> str | None:
        rows = [row for row in self.landed["customers"].values() if row["customer_id"] == customer]
        begun = [row for row in rows if (row["valid_from"] or date.min) <= on]
        if not begun:
            return None
        row = max(begun, key=lambda each: each["valid_from"] or date.min)
        return row["partner_id"] if on < (row["valid_to"] or date.max) else None

    def staged(self) -> dict[str, list[State]]:
        """What staging keeps: one row per key, without the lines that others contradict and the readings of a PBX that nobody has."""
        kept = {feed: list(rows.values()) for feed, rows in self.landed.items()}
        kept["orders"] = [row for row in kept["orders"] if self._stands(row)]
        pbxs = {(row["pbx_id"], row["customer_id"]) for row in kept["orders"] if row["delivered_on"]}
        kept["extension_counts"] = [row for row in kept["extension_counts"] if (row["pbx_id"], row["customer_id"]) in pbxs]
        return kept

    def _stands(self, row: State) -> bool:
        """A line that continues another one: a delivered one of the same, which no other line continues."""
        if row["continues_line"] is None:
            return True
        before = self.landed["orders"].get((row["partner_id"], row["order_id"], row["continues_line"]))
        same = ("customer_id", "service_code", "pbx_id")
        if before is None or any(before[name] != row[name] for name in same) or before["delivered_on"] is None:
            return False
        if before["delivered_on"] > (row["delivered_on"] or date.max):
            return False
        others = [
            each
            for each in self.landed["orders"].values()
            if (each["partner_id"], each["order_id"], each["continues_line"]) == (row["partner_id"], row["order_id"], row["continues_line"])
            and all(each[name] == before[name] for name in same)
            and before["delivered_on"] <= (each["delivered_on"] or date.max)
        ]
        return len(others) == 1

    # Events: orders

    def _pick(self, found: Iterable[Any], which: int) -> Any:
        found = list(found)
        return found[which % len(found)] if found else None

    def _theirs(self, row: State) -> bool:
        return self.partner_on(row["customer_id"], row["delivered_on"] or row["ordered_on"]) == row["partner_id"]

    def _order(self, row: State, what: str, **changes: Any) -> None:
        """Land an order line again, with what changed; nothing where the feed would refuse it."""
        changed = row | changes
        if changed["ended_on"] and changed["delivered_on"] and changed["ended_on"] < changed["delivered_on"]:
            return
        if not self._theirs(changed) or (changes and all(row.get(name) == value for name, value in changes.items())):
            return
        self.met[what] += 1
        self._land("orders", (row["partner_id"], row["order_id"], row["line_number"]), **{name: changed[name] for name in STAGED["orders"]})

    def new_order(self, which: int, service: int, quantity: int, back: int, pbx: int, same_order: bool, delivered: bool) -> None:
        customer = self._pick(self._trading(), which)
        on = self.today - timedelta(days=back)
        partner = self.partner_on(customer, on)
        if partner is None:
            return
        numbers = [int(order) for of, order, _ in self.landed["orders"] if of == partner]
        order = str(max(numbers, default=0) + (0 if same_order and numbers else 1))
        line = max((line for of, number, line in self.landed["orders"] if (of, number) == (partner, order)), default=0) + 1
        code = self._pick(SERVICES, service)
        pbx_id = f"{customer}-{'ab'[pbx % 2]}" if code in ("host", *SEATS) else None
        row = dict.fromkeys(STAGED["orders"]) | {
            "partner_id": partner, "order_id": order, "line_number": line, "customer_id": customer, "service_code": code,
            "quantity": quantity, "ordered_on": on, "delivered_on": on if delivered else None, "pbx_id": pbx_id,
        }  # fmt: skip
        self._order(row, "an order")

    def _trading(self) -> list[str]:
        return [customer for customer, partner in HOMES.items() if partner != CLOCK]

    def _orders(self, wanted: Callable[[State], bool] = lambda _: True) -> list[State]:
        return [row for _, row in sorted(self.landed["orders"].items()) if wanted(row)]

    def deliver(self, which: int, back: int) -> None:
        row = self._pick(self._orders(lambda each: each["delivered_on"] is None), which)
        if row:
            self._order(row, "a delivery", delivered_on=self.today - timedelta(days=back))

    def end(self, which: int, days: int) -> None:
        row = self._pick(self._orders(lambda each: each["delivered_on"] is not None), which)
        if row:
            self._order(row, "an end", ended_on=max(row["delivered_on"], self.today + timedelta(days=days)))

    def go_on(self, which: int) -> None:
        row = self._pick(self._orders(lambda each: each["ended_on"] is not None), which)
        if row:
            self._order(row, "an end taken back", ended_on=None)

    def withdraw(self, which: int) -> None:
        row = self._pick(self._orders(lambda each: each["delivered_on"] is not None), which)
        if row:
            self._order(row, "a withdrawal", delivered_on=None, ended_on=None)

    def correct_quantity(self, which: int, quantity: int) -> None:
        row = self._pick(self._orders(), which)
        if row:
            self._order(row, "a quantity corrected", quantity=quantity)

    def correct_delivery(self, which: int, days: int) -> None:
        row = self._pick(self._orders(lambda each: each["delivered_on"] is not None), which)
        if row:
            self._order(row, "a delivery corrected", delivered_on=min(row["delivered_on"] + timedelta(days=days), self.today))

    def correct_service(self, which: int, service: int) -> None:
        row = self._pick(self._orders(), which)
        if row:
            code = self._pick(SERVICES, service)
            pbx_id = row["pbx_id"] or (f"{row['customer_id']}-a" if code in SEATS else None)
            self._order(row, "a service corrected", service_code=code, pbx_id=pbx_id)

    def correct_customer(self, which: int, who: int) -> None:
        row = self._pick(self._orders(), which)
        if row:
            self._order(row, "a customer corrected", customer_id=self._pick(self._trading(), who))

    def correct_pbx(self, which: int, pbx: int) -> None:
        row = self._pick(self._orders(lambda each: each["pbx_id"] is not None), which)
        if row:
            self._order(row, "a PBX corrected", pbx_id=f"{row['customer_id']}-{'ab'[pbx % 2]}")

    def change_quantity(self, which: int, quantity: int, back: int) -> None:
        """A line that continues another."""
        row = self._pick(self._orders(lambda each: each["delivered_on"] is not None), which)
        if row:
            on = max(row["delivered_on"], self.today - timedelta(days=back))
            order = row["partner_id"], row["order_id"]
            line = max(number for *of, number in self.landed["orders"] if tuple(of) == order) + 1
            more = {"line_number": line, "continues_line": row["line_number"], "quantity": quantity}
            self._order(row | more | {"ordered_on": on, "delivered_on": on, "ended_on": None}, "a line continued")

    # Events: PBXs and calls

    def read_pbx(self, which: int, extensions: int, service: int, months: int, days: int, is_zoned: bool) -> None:
        """A reading, mostly of the last days of a month."""
        row = self._pick(self._orders(lambda each: each["pbx_id"] is not None and each["delivered_on"] is not None), which)
        if not row:
            return
        on = last_of(books.months_after(month_of(self.today), -months)) - timedelta(days=days)
        read_at = datetime.combine(on, time(23, 30) if days % 2 else time(8))
        if on > self.today or self.partner_on(row["customer_id"], on) is None:
            return
        utc = read_at.replace(tzinfo=ZoneInfo("Europe/Amsterdam")).astimezone(UTC).replace(tzinfo=None) if is_zoned else None
        self._reading(row["pbx_id"], row["customer_id"], self._pick(SEATS, service), read_at, utc, extensions)
        self.met["a reading"] += 1

    def _reading(self, pbx: str, customer: str, code: str, read_at: datetime, utc: datetime | None, extensions: int) -> None:
        of = {"pbx_id": pbx, "customer_id": customer, "service_code": code, "read_at": read_at, "read_at_utc": utc}
        self._land("extension_counts", (pbx, read_at, customer, utc), **of, extensions=extensions)

    def correct_reading(self, which: int, extensions: int, service: int) -> None:
        row = self._pick(self.landed["extension_counts"].values(), which)
        if row:
            self.met["a reading corrected"] += 1
            code = self._pick(SEATS, service)
            self._reading(row["pbx_id"], row["customer_id"], code, row["read_at"], row["read_at_utc"], extensions)

    def call(self, which: int, back: int, cents: int, seconds: int, where: int, is_airtime: bool, is_unrated: bool) -> None:
        customer, on = self._pick(self._trading(), which), self.today - timedelta(days=back)
        if self.partner_on(customer, on) is None:
            return
        leg = ("airtime" if is_airtime else "pbx") if where % 2 else None
        if is_unrated == 1 and leg is None:
            self._call(customer, on, "unrated", None, None, None, self._pick(DESTINATIONS, where), seconds)
            self.met["a call without a price"] += 1
            return
        sale = Fraction(0) if leg == "airtime" else Fraction(cents, 10_000)
        self.met["a leg of airtime" if leg == "airtime" else "a call"] += 1
        self._call(customer, on, "rated", rounded_half(sale), sale, leg, self._pick(DESTINATIONS, where), seconds)

    def rate(self, which: int, cents: int) -> None:
        """A call that had no price gets one."""
        found = self._pick([each for each in self.calls.values() if each.status == "unrated"], which)
        if found:
            self.met["a price for a call"] += 1
            price = Fraction(cents, 10_000)
            self.calls[found.key] = replace(found, status="rated", purchase=rounded_half(price), sale=price, billed_s=found.duration_s)

    # Events: master data

    def price(self, service: int, cents: int, days: int, flip: bool) -> None:
        code = self._pick(SERVICES, service)
        category, metering, charged, nrc, _ = SERVICES[code]
        charged = {"advance": "arrears", "arrears": "advance"}[charged] if flip and metering == "quantity" else charged
        begins = self.today + timedelta(days=days)
        self.met["a price of the catalogue"] += 1
        self._land(
            "services", (code, begins), service_code=code, category=category, name=code, metering=metering, charged=charged,
            nrc_purchase_eur=Decimal(nrc), mrc_purchase_eur=Decimal(cents).scaleb(-4), valid_from=begins,
        )  # fmt: skip

    def markup(self, partner: int, plan: int, category: int, percent: int, days: int) -> None:
        self.met["a markup"] += 1
        of = self._pick(PARTNERS, partner), self._pick(PLANS, plan), self._pick(CATEGORIES, category)
        self._markup(
            *of, None, self.today + timedelta(days=days), nrc_percent=Decimal(percent), mrc_percent=Decimal(percent) + Decimal("0.5")
        )

    def exception(self, partner: int, plan: int, service: int, percent: int, days: int, kind: int, lasts: int) -> None:
        """A percentage, an amount, one of them for one charge only, or nothing: taken back. Some end by themselves."""
        self.met["an exception"] += 1
        begins = self.today + timedelta(days=days)
        code = self._pick(SERVICES, service)
        amount = Decimal(SERVICES[code][4]) * percent / 100
        values = (
            {"nrc_percent": Decimal(percent), "mrc_percent": Decimal(percent)}, {"mrc_eur": amount.quantize(Decimal("0.0001"))}, {},
            {"nrc_percent": Decimal(percent)}, {"mrc_percent": Decimal(percent)},
        )[kind % 5]  # fmt: skip
        ends = begins + timedelta(days=lasts) if lasts > 20 else None
        self._markup(self._pick(PARTNERS, partner), self._pick(PLANS, plan), None, code, begins, valid_to=ends, **values)

    def assign(self, which: int, plan: int, days: int, lasts: int, to_group: bool) -> None:
        begins = self.today + timedelta(days=days)
        ends = begins + timedelta(days=lasts) if lasts > 30 else None
        customer = self._pick(self._trading(), which)
        partner = self.partner_on(customer, begins)
        if partner is None:
            return
        self.met["a plan of a group" if to_group else "a plan"] += 1
        self.plan_row(None if to_group else customer, "g" if to_group else None, partner, self._pick(PLANS, plan), begins, ends)

    def change_customer(self, which: int, what: int, value: int, days: int, from_the_beginning: bool) -> None:
        """Reseller, VAT, exemption or group, from a day on or from the beginning."""
        customer = self._pick(self._trading(), which)
        begins = self.today + timedelta(days=days)
        partner = self.partner_on(customer, begins)
        if partner is None:
            return
        own = sorted(
            (row for key, row in self.landed["customers"].items() if key[:2] == (customer, partner)),
            key=lambda row: row["valid_from"] or date.min,
        )
        row = own[0] if from_the_beginning else [each for each in own if (each["valid_from"] or date.min) <= begins][-1]
        changes = (
            {"reseller_id": self._pick(RESELLERS, value)}, {"vat_category": self._pick(VAT, value)},
            {"billing_exempt": (None, True, False)[value % 3]}, {"customer_group": self._pick(GROUPS, value)},
        )[what % 4]  # fmt: skip
        self.met[f"{next(iter(changes))} from {'the beginning' if from_the_beginning else 'a day'} on"] += 1
        self.customer_row(customer, partner, row["valid_from"] if from_the_beginning else begins, **(_without_key(row) | changes))

    def move(self, which: int, days: int) -> None:
        """A customer leaves its partner for another one, and may come back; not before what its partner delivered."""
        customer, on = self._pick(self._trading(), which), self.today + timedelta(days=days)
        own = [row for row in self.landed["customers"].values() if row["customer_id"] == customer]
        row = max(own, key=lambda each: each["valid_from"] or date.min)
        partner = row["partner_id"]
        seen = [row["delivered_on"] or row["ordered_on"] for row in self.landed["orders"].values() if row["customer_id"] == customer]
        seen += [row["ordered_on"] for row in self.landed["orders"].values() if row["customer_id"] == customer]
        seen += [row["read_at"].date() for row in self.landed["extension_counts"].values() if row["customer_id"] == customer]
        seen += [row["valid_from"] for row in self.landed["customer_plans"].values() if row["customer_id"] == customer]
        seen += [row["valid_from"] or date.min for row in own]
        if max(seen) >= on:
            return
        self.met["a customer who comes back" if (homes := {row["partner_id"] for row in own}) != {partner} else "a customer who moves"] += 1
        self.customer_row(customer, partner, row["valid_from"], **(_without_key(row) | {"valid_to": on}))
        other = next(iter(sorted(homes - {partner})), PARTNERS[(PARTNERS.index(partner) + 1) % len(PARTNERS)])
        self.customer_row(customer, other, on, **(_without_key(row) | {"valid_to": None}))
        self.plan_row(customer, None, other, "a", on)

    def reseller(self, partner: int, which: int, calls: int, services: int) -> None:
        self.met["percentages of a reseller"] += 1
        self._reseller(self._pick(PARTNERS, partner), self._pick(RESELLERS[1:], which), calls, services)

    def time_passes(self, days: int) -> None:
        """With every month's end the PBXs are read, of most customers."""
        self.met["time"] += 1
        before = self.today
        self.today += timedelta(days=days)
        if month_of(before) != month_of(self.today):
            last = last_of(month_of(before))
            pbxs = {(row["pbx_id"], row["customer_id"]) for row in self._orders(lambda each: each["pbx_id"] is not None)}
            for number, (pbx, customer) in enumerate(sorted(pbxs)):
                if customer != "d2" and self.partner_on(customer, last):
                    read_at = datetime.combine(last, time(22, 15))
                    self._reading(pbx, customer, SEATS[number % 2], read_at, None, 1 + (number + last.month) % 5)
        self._tick()

    def night(self, days: int) -> None:
        self.time_passes(days)
        self.run()

    # The run: both sides, compared

    def run(self) -> None:
        self.met["a run"] += 1
        staged = self.staged()
        standing = self._attributed()
        self.found = self._evaluate(staged, standing, self.raw)
        rows = Rows(staged, VAT_RATES, self.today)
        self.published = books.post(rows, standing, self.ledger)
        self.credited_since_run = set()
        wrong = differences(self.found, self.published) + self._broken_promises()
        assert not wrong, "\n".join(wrong[:12])
        self._count()

    def _promise(self, *promise: str) -> list[tuple]:
        """What a reseller was paid for a month, or what was declared for a quarter."""
        what, partner, *of = promise
        if what == "statement":
            reseller, month = of
            rows = [
                row
                for row in self.found["commissions"]
                if (row["partner_id"], row["reseller_id"], row["month"]) == (partner, reseller, month)
            ]
            names = (
                "customers",
                "invoices",
                "call_sale_eur",
                "call_commission_eur",
                "service_sale_eur",
                "service_commission_eur",
                "commission_eur",
            )
        else:
            rows = [row for row in self.found["invoice_vat"] if row["partner_id"] == partner and [quarter_of(row["month"])] == of]
            names = ("customer_id", "month", "invoice_id", "vat_category", "vat_percent", "net_eur", "vat_eur")
        return sorted(tuple(row[name] for name in names) for row in rows)

    def _broken_promises(self) -> list[str]:
        wrong = []
        for promise, said in self.promised.items():
            if (now := self._promise(*promise)) != said:
                wrong.append(f"{promise} was settled as {said}, and is {now} now")
        return wrong

    def _count(self) -> None:
        published = self.published
        open_charges = published.charges[len(self.ledger.charges) :]
        for charge in open_charges:
            self.met[f"{'settled' if charge.settles else 'charged'}: {charge.key.kind}"] += 1
            if charge.reason:
                self.met[charge.reason] += 1
        for each in published.invoices:
            self.met[f"{each.status} {each.kind}"] += 1
        self.met["a late call"] += sum(month_of(call.on) != call.billing_month for call in published.calls)

    def _attributed(self) -> list[Call]:
        """Every call with the partner of its day; what was frozen stays where it was."""
        found = []
        for key, call in self.calls.items():
            partner = self.partner_on(call.customer, call.on)
            if key in self.ledger.calls:
                found.append(self.ledger.calls[key])
            elif partner is not None:
                found.append(replace(call, partner=partner))
        return found

    def _evaluate(self, staged: Mapping[str, list[State]], calls: Sequence[Call], raw: Mapping[str, list[State]]) -> dict[str, list[State]]:
        for feed, columns in STAGED.items():
            self.batch.give(f"stg_landing__{feed}", staged[feed], columns | PLACE)
        attributed = [_attributed_row(call) for call in calls if call.key not in self.ledger.calls]
        self.batch.give("int_calls_attributed", attributed, CALLS | PLACE)
        days = sorted({call.on for call in calls})
        self.batch.give("int_days_to_rate", [{"cdr_date": day} for day in days], {"cdr_date": "date"})
        for table, columns in RAW_COLUMNS.items():
            self.batch.give(f"raw.{table}", raw.get(table, []), columns)
        return self.batch.evaluate()

    def without(self, which: int) -> None:
        """Everybody else is billed what they would be had one partner done nothing."""
        gone = self._pick(PARTNERS, which)
        self.run()
        self.met["a partner left out"] += 1
        staged = {feed: [row for row in rows if self._partner_of(feed, row) != gone] for feed, rows in self.staged().items()}
        raw = {table: [row for row in rows if row["partner_id"] != gone] for table, rows in self.raw.items()}
        alone = self._evaluate(staged, [call for call in self._attributed() if call.partner != gone], raw)
        for table, columns in TOLD.items():
            # whoever came from the one who is gone bears no partner in the id of its draft then
            ours = Counter(_unnamed(columns(row)) for row in self.found[table] if row["partner_id"] != gone)
            theirs = Counter(_unnamed(columns(row)) for row in alone[table])
            wrong = [f"{table}, with {gone}: {each}" for each in (ours - theirs).elements()]
            wrong += [f"{table}, without: {each}" for each in (theirs - ours).elements()]
            assert not wrong, "\n".join(wrong[:12])

    def _partner_of(self, feed: str, row: State) -> str | None:
        """Whose row it is."""
        if feed == "extension_counts":
            return self.partner_on(row["customer_id"], row["read_at"].date())
        return row.get("partner_id")

    # Decisions, on what was published

    def approve(self, partner: int, month: int, chosen: int) -> None:
        """A month of a partner, whole or some of its customers."""
        if self.published is None:
            return
        of = self._pick(PARTNERS, partner)
        known = {each.invoice for each in self.ledger.invoices}
        drafts = [each for each in self.published.invoices if each.partner == of and each.status == "draft" and each.invoice not in known]
        wanted = self._pick(sorted({each.month for each in drafts}), month)
        for draft in drafts:
            if draft.month == wanted and (chosen % 3 or draft.customer[-1] in "13"):
                self._approve(draft)

    def _approve(self, draft: Invoice) -> None:
        lines = [line for line in self.published.lines if line.invoice == draft.invoice]
        if (draft.partner, draft.customer) in self.credited_since_run and any(line.settled_month for line in lines):
            return  # older than a credit note of its customer
        self.met["an approval" if month_of(self.today) > draft.month else "an approval before the month is over"] += 1
        if (draft.partner, draft.customer, draft.month) not in self.ledger.final:
            self._freeze(draft.partner, draft.month, [draft.customer])
        number = self._number(draft.partner)
        approved = replace(draft, status="approved", number=number, issued_on=self.today)
        self.ledger.invoices.append(approved)
        self.ledger.lines[draft.invoice] = lines
        (row,) = (row for row in self.found["invoices"] if row["invoice_id"] == draft.invoice)
        self.raw["approved_invoices"].append(
            row | {"status": "approved", "invoice_number": number, "issued_on": self.today, "due_on": self.today}
        )
        self.raw["approved_lines"] += [row for row in self.found["invoice_lines"] if row["invoice_id"] == draft.invoice]

    def _number(self, partner: str) -> str:
        self.numbers[partner] += 1
        return f"INV{self.numbers[partner]}"

    def _freeze(self, partner: str, month: str, customers: Sequence[str]) -> None:
        freeze_id = len(self.ledger.final) + 1
        is_of = {(partner, customer, month) for customer in customers}
        self.ledger.charges += [
            charge for charge in self.published.charges
            if (charge.key.partner, charge.key.customer, charge.invoice_month) in is_of and charge.reason is None
        ]  # fmt: skip
        self.ledger.calls |= {
            call.key: call for call in self.published.calls
            if (call.partner, call.customer, call.billing_month) in is_of and call.status != "unrated"
        }  # fmt: skip
        self.raw["frozen_charges"] += [
            row | {"freeze_id": freeze_id} for row in self.found["service_charges"]
            if (row["partner_id"], row["customer_id"], row["invoice_month"]) in is_of and row["status_reason"] is None
        ]  # fmt: skip
        self.raw["frozen_calls"] += [
            row | {"freeze_id": freeze_id} for row in self.found["calls"]
            if (row["partner_id"], row["customer_id"], row["billing_month"]) in is_of and row["status"] != "unrated"
        ]  # fmt: skip
        self.ledger.final |= is_of
        self.raw["frozen_months"] += [
            {"partner_id": partner, "customer_id": customer, "month": month, "freeze_id": freeze_id} for customer in customers
        ]

    def close(self, partner: int) -> None:
        """The first month of a partner that is over and open."""
        of = self._pick(PARTNERS, partner)
        month = "2026-01"
        while (of, month) in self.ledger.closed:
            month = following(month)
        if self.published is None or self.today <= last_of(month) or any(each[0] == of for each in self.credited_since_run):
            return
        self.met["a close"] += 1
        theirs = {customer for customer, home, _ in self.landed["customers"] if home == of}
        self._freeze(of, month, sorted(each for each in theirs if (of, each, month) not in self.ledger.final))
        self.ledger.closed.add((of, month))
        self.raw["closed_months"].append({"partner_id": of, "month": month})

    def credit(self, which: int, chosen: int) -> None:
        """An approved invoice, whole or some of its lines; none that was credited or settled before."""
        original = self._pick([each for each in self.ledger.invoices if each.kind == "invoice"], which)
        if not original:
            return
        lines = self.ledger.lines[original.invoice]
        number = original.partner, original.number
        wanted = [place for place in range(len(lines)) if chosen == 0 or chosen >> place % 3 & 1]
        if not wanted or self.ledger.credited[number] & set(wanted) or any(self._settled_since(lines[place]) for place in wanted):
            return
        self.met["a credit note by hand"] += 1
        notes = sum(each.credits == original.number and each.partner == original.partner for each in self.ledger.invoices)
        note_id = f"{original.invoice}-credit-{notes + 1}"
        credits = [
            replace(lines[place], invoice=note_id, amount=-lines[place].amount, exact=Fraction(0), purchase=Fraction(0)) for place in wanted
        ]
        net, vat = books.totals(credits)
        note_number = self._number(original.partner)
        note = replace(
            original,
            invoice=note_id,
            kind="credit_note",
            number=note_number,
            credits=original.number,
            issued_on=self.today,
            net=net,
            vat=vat,
        )
        self.ledger.credited[number] |= set(wanted)
        self.ledger.invoices.append(note)
        self.ledger.lines[note_id] = credits
        self.credited_since_run.add((original.partner, original.customer))
        (row,) = (row for row in self.raw["approved_invoices"] if row["invoice_id"] == original.invoice)
        amounts = {"net_eur": _decimal(net, 2), "vat_eur": _decimal(vat, 2), "gross_eur": _decimal(net + vat, 2)}
        self.raw["approved_invoices"].append(
            row | amounts | {
                "invoice_id": note_id, "kind": "credit_note", "invoice_number": note_number, "credited_invoice_number": original.number,
                "issued_on": self.today, "due_on": self.today,
            }
        )  # fmt: skip
        by_content = {_line_told(row): row for row in self.raw["approved_lines"] if row["invoice_id"] == original.invoice}
        for place, each in enumerate(wanted, start=1):
            row = by_content[_line_told_of(lines[each])]
            nothing = {"exact_eur": Decimal(0), "purchase_eur": Decimal(0)}
            self.raw["approved_lines"].append(
                row | nothing | {"invoice_id": note_id, "line_number": place, "amount_eur": -row["amount_eur"]}
            )

    def _settled_since(self, line: Line) -> bool:
        if line.service is None:
            return False
        by_hand = books.credited_by_hand(self.ledger)
        on_it = {charge.key for charge in self.ledger.charges if books.line_of(charge) == line.of_charges}
        return any(
            charge.key in on_it and charge.settles and charge.invoice_month > line.month and books.line_of(charge) not in by_hand
            for charge in self.ledger.charges
        )

    def settle(self, partner: int, which: int) -> None:
        """The first statement of a reseller that is not settled, where every invoice behind it is approved."""
        if self.published is None:
            return
        of, reseller = self._pick(PARTNERS, partner), self._pick(RESELLERS[1:], which)
        settled = self.ledger.statements[of, reseller]
        earned = [
            each
            for each in self.published.commission_lines
            if (each.partner, each.reseller) == (of, reseller) and each.month not in settled
        ]
        month = min((each.month for each in earned), default=None)
        lines = [each for each in earned if each.month == month]
        if not lines or any(each.status in ("draft", "blocked") for each in lines):
            return
        self.met["a statement settled"] += 1
        self.promised["statement", of, reseller, month] = self._promise("statement", of, reseller, month)
        settled[month] = {(each.invoice, each.kind) for each in lines}
        self.raw["commission_statements"].append({"partner_id": of, "reseller_id": reseller, "month": month})
        names = ("partner_id", "reseller_id", "month", "invoice_id", "kind", "sale_eur", "commission_percent")
        self.raw["commission_statement_lines"] += [
            {name: row[name] for name in names} for row in self.found["commission_lines"]
            if (row["partner_id"], row["reseller_id"], row["month"]) == (of, reseller, month)
        ]  # fmt: skip

    def file(self, partner: int) -> None:
        """The first quarter of a partner that is over and not filed, where every invoice of it is approved."""
        if self.published is None:
            return
        of = self._pick(PARTNERS, partner)
        filed = self.ledger.returns[of]
        owed = [each for each in self.published.vat if each.partner == of and quarter_of(each.month) not in filed]
        quarter = min((quarter_of(each.month) for each in owed), default=None)
        lines = [each for each in owed if quarter_of(each.month) == quarter]
        by_id = {each.invoice: each.status for each in self.published.invoices}
        if not lines or quarter_of(month_of(self.today)) <= quarter or any(by_id[each.invoice] in ("draft", "blocked") for each in lines):
            return
        self.met["a quarter filed"] += 1
        self.promised["vat", of, quarter] = self._promise("vat", of, quarter)
        filed[quarter] = {each.invoice: each.month for each in lines}
        self.raw["vat_returns"].append({"partner_id": of, "quarter": quarter})
        names = ("partner_id", "invoice_id", "vat_category", "vat_percent", "net_eur", "vat_eur")
        self.raw["vat_return_lines"] += [
            {name: row[name] for name in names} | {"quarter": quarter} for row in self.found["invoice_vat"]
            if row["partner_id"] == of and quarter_of(row["month"]) == quarter
        ]  # fmt: skip


def _unnamed(told: tuple) -> tuple:
    return tuple(each.partition("@")[0] if isinstance(each, str) else each for each in told)


def _without_key(row: State) -> State:
    return {name: value for name, value in row.items() if name not in ("customer_id", "partner_id", "valid_from", "file_id", "line")}


def rounded_half(amount: Fraction) -> Fraction:
    """A purchase price below the sale price."""
    return books.rounded(amount / 2, 4)


def _decimal(amount: Fraction | None, decimals: int) -> Decimal | None:
    if amount is None:
        return None
    scaled = amount * 10**decimals
    assert scaled.denominator == 1, f"{amount} has more than {decimals} decimals"
    return Decimal(scaled.numerator).scaleb(-decimals)


def _attributed_row(call: Call) -> State:
    same = {
        "call_key": call.key, "call_id": call.key, "source": "standard", "leg": call.leg, "partner_id": call.partner,
        "customer_id": call.customer, "country": call.country, "line_type": call.line_type, "duration_s": call.duration_s,
        "billed_s": call.billed_s, "purchase_billed_s": call.billed_s, "status": call.status,
        "started_at": datetime.combine(call.on, time(12)),
        "call_date": call.on, "cdr_date": call.on, "purchase_eur": _decimal(call.purchase, 6), "sale_eur": _decimal(call.sale, 6),
        "home_country": "NL", "is_onnet": False, "is_onnet_call": False, "is_frozen": False,
        "has_deck_price": True, "deck_rows": 1, "records": 1,
    }  # fmt: skip
    return same | {"file_id": 1, "line": 1}


RAW_COLUMNS: dict[str, dict[str, str]] = {
    **{table: raw_columns(table) for table in ("frozen_calls", "frozen_charges", "approved_invoices", "approved_lines")},
    "frozen_months": {"customer_id": "varchar", "month": "varchar", "partner_id": "varchar", "freeze_id": "integer"},
    "closed_months": dict.fromkeys(("partner_id", "month", "closed_at", "closed_by"), "varchar"),
    "commission_statements": dict.fromkeys(("partner_id", "reseller_id", "month", "settled_at"), "varchar"),
    "commission_statement_lines": {
        **dict.fromkeys(("partner_id", "reseller_id", "month", "invoice_id", "kind"), "varchar"),
        "sale_eur": "decimal(18, 2)",
        "commission_percent": "decimal(9, 4)",
    },
    "vat_returns": dict.fromkeys(("partner_id", "quarter", "filed_at"), "varchar"),
    "vat_return_lines": {
        **dict.fromkeys(("partner_id", "quarter", "invoice_id", "vat_category"), "varchar"),
        "vat_percent": "decimal(5, 2)",
        "net_eur": "decimal(18, 2)",
        "vat_eur": "decimal(18, 2)",
    },
}

VAT_RATES = [
    {
        **row,
        "valid_from": date.fromisoformat(row["valid_from"]),
        "valid_to": date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
    }
    for row in seed("vat_rates")
]


# What both sides say, in the same words ------------------------------------------------------------------------------------------------


def differences(found: Mapping[str, list[State]], should: Books) -> list[str]:
    """Every row that one side has and the other has not, by table."""
    told = _told(should)
    wrong = []
    for table, expected in told.items():
        said = Counter(TOLD[table](row) for row in found[table])
        expected = Counter(expected)
        wrong += [f"{table}: the batch says  {each}" for each in (said - expected).elements()]
        wrong += [f"{table}: it should say   {each}" for each in (expected - said).elements()]
    return wrong


def _plain(value: Any) -> Any:
    return Fraction(value) if isinstance(value, Decimal) else value


def _columns(*names: str) -> Callable[[State], tuple]:
    return lambda row: tuple(_plain(row[name]) for name in names)


_charge = _columns(
    "partner_id", "customer_id", "kind", "service_code", "month", "order_id", "line_number", "pbx_id", "invoice_month", "quantity", "days",
    "unit_purchase_eur", "unit_sale_eur", "purchase_eur", "sale_eur", "margin_eur", "service_plan_id", "is_exception", "category",
    "reseller_id", "vat_category", "is_billing_exempt", "status_reason", "is_settlement",
)  # fmt: skip
_line_columns = _columns(
    "partner_id", "customer_id", "month", "invoice_id", "kind", "country", "line_type", "service_code", "pbx_id", "quantity", "duration_s",
    "amount_eur", "exact_eur", "purchase_eur", "vat_category", "vat_code", "vat_percent", "settled_month", "period_start", "period_end",
    "reseller_id", "commission_percent", "unit_price_eur", "days",
)  # fmt: skip


def _line_told(row: State) -> tuple:
    return _line_columns(row)


def _line_told_of(line: Line) -> tuple:
    return (
        line.partner, line.customer, line.month, line.invoice, line.kind, line.country, line.line_type, line.service, line.pbx,
        line.quantity, line.duration_s, line.amount, line.exact, line.purchase, line.vat, line.vat_code, line.vat_percent,
        line.settled_month, books.first_of(line.first_month), last_of(line.last_month), line.reseller, line.percent, line.price, line.days,
    )  # fmt: skip


def _charge_told_of(charge: Charge) -> tuple:
    key = charge.key
    margin = None if charge.sale is None or charge.purchase is None else charge.sale - charge.purchase
    return (
        key.partner, key.customer, key.kind, key.service, key.month, key.order or None, key.line or None, charge.pbx, charge.invoice_month,
        charge.quantity, charge.days, charge.unit_purchase, charge.unit_sale, charge.purchase, charge.sale, margin, charge.plan,
        charge.is_exception, charge.category, charge.reseller, charge.vat, charge.is_exempt, charge.reason, charge.settles,
    )  # fmt: skip


def _invoice_row(row: State) -> tuple:
    reasons = tuple(sorted(row["block_reason"].split(", "))) if row["block_reason"] else ()
    return (
        *_columns("partner_id", "customer_id", "month", "invoice_id", "kind", "status", "reseller_id", "net_eur", "vat_eur")(row),
        *_columns("gross_eur", "invoice_number", "credited_invoice_number", "issued_on")(row), reasons,
    )  # fmt: skip


TOLD: dict[str, Callable[[State], tuple]] = {
    "calls": _columns(
        "call_key",
        "partner_id",
        "customer_id",
        "billing_month",
        "reseller_id",
        "status",
        "purchase_eur",
        "sale_eur",
        "vat_category",
        "is_billing_exempt",
    ),
    "service_charges": _charge,
    "invoice_lines": _line_told,
    "invoices": _invoice_row,
    "invoice_vat": _columns(
        "partner_id", "customer_id", "month", "invoice_id", "vat_category", "vat_code", "vat_percent", "net_eur", "vat_eur", "filed_in"
    ),
    "commission_lines": _columns(
        "partner_id",
        "month",
        "reseller_id",
        "customer_id",
        "invoice_id",
        "status",
        "kind",
        "sale_eur",
        "commission_percent",
        "exact_commission_eur",
    ),
    "commissions": _columns("partner_id", "month", "reseller_id", "is_final", "call_sale_eur", "service_sale_eur", "commission_eur"),
    "margins": _columns(
        "partner_id",
        "month",
        "customer_id",
        "reseller_id",
        "kind",
        "category",
        "country",
        "line_type",
        "sale_eur",
        "purchase_eur",
        "margin_eur",
    ),
}


def _told(should: Books) -> dict[str, list[tuple]]:
    return {
        "calls": [
            (
                each.key, each.partner, each.customer, each.billing_month, each.reseller, each.status, each.purchase, each.sale, each.vat,
                each.is_exempt,
            )
            for each in should.calls
        ],
        "service_charges": [_charge_told_of(each) for each in should.charges],
        "invoice_lines": [_line_told_of(each) for each in should.lines],
        "invoices": [
            (
                each.partner, each.customer, each.month, each.invoice, each.kind, each.status, each.reseller, each.net, each.vat,
                each.gross, each.number, each.credits, each.issued_on, each.reasons,
            )
            for each in should.invoices
        ],
        "invoice_vat": [tuple(each) for each in should.vat],
        "commission_lines": [(*each, each.commission) for each in should.commission_lines],
        "commissions": _commissions(should),
        "margins": _margins(should),
    }  # fmt: skip


def _commissions(should: Books) -> list[tuple]:
    of: dict[tuple, list] = defaultdict(list)
    for line in should.commission_lines:
        of[line.partner, line.month, line.reseller].append(line)
    found = []
    for key, lines in of.items():
        by_kind = {kind: [each for each in lines if each.kind == kind] for kind in ("calls", "services")}
        sale = [sum((each.sale for each in by_kind[kind]), Fraction(0)) for kind in by_kind]
        commission = sum(books.rounded(sum((each.commission for each in by_kind[kind]), Fraction(0)), 2) for kind in by_kind)
        is_final = all(each.status not in ("draft", "blocked") for each in lines)
        found.append((*key, is_final, *sale, commission))
    return found


def _margins(should: Books) -> list[tuple]:
    sums: dict[tuple, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    for call in should.calls:
        if call.status == "rated":
            total = sums[call.partner, call.billing_month, call.customer, call.reseller, "calls", None, call.country, call.line_type]
            total[0] += call.sale
            total[1] += call.purchase
    for charge in should.charges:
        if charge.reason is None:
            key = charge.key
            total = sums[key.partner, charge.invoice_month, key.customer, charge.reseller, "services", charge.category, None, None]
            total[0] += charge.sale
            total[1] += charge.purchase
    return [(*key, sale, purchase, sale - purchase) for key, (sale, purchase) in sums.items()]


EVENTS: dict[str, dict[str, tuple[int, int]]] = {
    "new_order": {
        "which": (0, 8),
        "service": (0, 6),
        "quantity": (1, 5),
        "back": (0, 60),
        "pbx": (0, 1),
        "same_order": (0, 1),
        "delivered": (0, 3),
    },
    "deliver": {"which": (0, 60), "back": (0, 30)},
    "end": {"which": (0, 60), "days": (-45, 20)},
    "go_on": {"which": (0, 60)},
    "withdraw": {"which": (0, 60)},
    "correct_quantity": {"which": (0, 60), "quantity": (1, 6)},
    "correct_delivery": {"which": (0, 60), "days": (-40, 40)},
    "correct_service": {"which": (0, 60), "service": (0, 6)},
    "correct_customer": {"which": (0, 60), "who": (0, 8)},
    "correct_pbx": {"which": (0, 60), "pbx": (0, 1)},
    "change_quantity": {"which": (0, 60), "quantity": (1, 7), "back": (0, 40)},
    "read_pbx": {"which": (0, 60), "extensions": (0, 9), "service": (0, 1), "months": (0, 3), "days": (0, 5), "is_zoned": (0, 1)},
    "correct_reading": {"which": (0, 60), "extensions": (0, 9), "service": (0, 1)},
    "call": {
        "which": (0, 8),
        "back": (0, 60),
        "cents": (0, 9999),
        "seconds": (1, 900),
        "where": (0, 5),
        "is_airtime": (0, 1),
        "is_unrated": (0, 6),
    },
    "rate": {"which": (0, 10), "cents": (0, 9999)},
    "price": {"service": (0, 6), "cents": (0, 99999), "days": (-40, 30), "flip": (0, 1)},
    "markup": {"partner": (0, 3), "plan": (0, 1), "category": (0, 4), "percent": (100, 300), "days": (-40, 30)},
    "exception": {
        "partner": (0, 3),
        "plan": (0, 1),
        "service": (0, 6),
        "percent": (90, 250),
        "days": (-40, 30),
        "kind": (0, 4),
        "lasts": (0, 60),
    },
    "assign": {"which": (0, 8), "plan": (0, 1), "days": (-40, 30), "lasts": (0, 90), "to_group": (0, 1)},
    "change_customer": {"which": (0, 8), "what": (0, 3), "value": (0, 3), "days": (-40, 30), "from_the_beginning": (0, 1)},
    "move": {"which": (0, 8), "days": (-20, 20)},
    "reseller": {"partner": (0, 3), "which": (0, 1), "calls": (0, 20), "services": (0, 20)},
    "time_passes": {"days": (1, 25)},
    "approve": {"partner": (0, 3), "month": (0, 3), "chosen": (0, 5)},
    "close": {"partner": (0, 3)},
    "credit": {"which": (0, 20), "chosen": (0, 7)},
    "settle": {"partner": (0, 3), "which": (0, 1)},
    "file": {"partner": (0, 3)},
    "night": {"days": (0, 25)},
}
"""Event -> what is drawn for it: the least and the largest number."""
