"""Dutch and English: the words of the app, and how numbers, money and dates are written in each.

Amounts come in as Decimal and leave as text, rounded half away from zero as on an invoice; nothing here computes with them.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

Language = Literal["nl", "en"]
LANGUAGES: tuple[Language, ...] = ("nl", "en")
DASH = "–"
"""Stands where there is no number, which is not the same as zero."""

Number = Decimal | int | float

SEPARATORS: dict[Language, str] = {"nl": ",.", "en": ".,"}
"""Decimal mark, then thousands mark; the notation that Plotly's ``layout.separators`` wants too."""

DATE_FORMATS: dict[Language, str] = {"nl": "DD-MM-YYYY", "en": "DD/MM/YYYY"}
"""As the date inputs want it."""

MONTHS: dict[Language, tuple[str, ...]] = {
    "nl": (
        "januari", "februari", "maart", "april", "mei", "juni",
        "juli", "augustus", "september", "oktober", "november", "december",
    ),
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
}  # fmt: skip
SHORT_MONTHS: dict[Language, tuple[str, ...]] = {
    "nl": ("jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec"),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
WEEKDAYS: dict[Language, tuple[str, ...]] = {
    "nl": ("ma", "di", "wo", "do", "vr", "za", "zo"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}

TEXTS: dict[str, tuple[str, str]] = {
    # frame
    "partner": ("Partner", "Partner"),
    "period": ("Periode", "Period"),
    "period_all": ("Alles: {first} t/m {last}", "All: {first} to {last}"),
    "period_custom": ("Eigen periode …", "Custom range …"),
    "from_day": ("Van", "From"),
    "to_day": ("Tot en met", "Up to and including"),
    "days_reversed": (
        "De eerste dag ligt na de laatste: kies een eerdere eerste dag.",
        "The first day lies after the last: choose an earlier first day.",
    ),
    "choose": ("Kies …", "Choose …"),
    "unknown_partner": (
        "Partner „{asked}” bestaat hier niet: kies links een partner.",
        "There is no partner “{asked}” here: choose a partner on the left.",
    ),
    "unknown_period": (
        "Periode „{asked}” bestaat niet voor deze partner: kies links een periode.",
        "There is no period “{asked}” for this partner: choose a period on the left.",
    ),
    "unknown_day": (
        "„{asked}” is geen dag: kies links een dag.",
        "“{asked}” is no day: choose a day on the left.",
    ),
    "unknown_choice": ("„{asked}” bestaat niet: maak een keuze.", "“{asked}” does not exist: make a choice."),
    "as_of": ("Stand van {moment}", "As of {moment}"),
    "snapshot": ("momentopname {name}", "snapshot {name}"),
    "dashboard": ("Dashboard", "Dashboard"),
    "pvc_matrix": ("Internet PVC-matrix", "Internet PVC matrix"),
    "margins": ("Marges", "Margins"),
    # nothing to show
    "nothing_published": ("Er is nog niets gepubliceerd", "Nothing has been published yet"),
    "nothing_published_fix": (
        "Draai `make demo` voor een proefomgeving, of `tikteller run` met uw eigen bestanden. Ververs daarna deze pagina.",
        "Run `make demo` for a try-out, or `tikteller run` with your own files. Then reload this page.",
    ),
    "no_calls_ever": ("Deze partner heeft nog geen gesprekken", "This partner has no calls yet"),
    "no_calls_ever_fix": (
        "Zodra gespreksbestanden zijn verwerkt en gepubliceerd, verschijnen ze hier.",
        "They appear here as soon as call records have been processed and published.",
    ),
    "no_calls": ("Geen gesprekken in deze periode", "No calls in this period"),
    "no_calls_fix": (
        "Er zijn gesprekken van {first} t/m {last}: kies links een andere periode.",
        "There are calls from {first} to {last}: choose another period on the left.",
    ),
    "no_international": ("Niemand belde naar het buitenland.", "Nobody called abroad."),
    "something_failed": ("Deze pagina kon niet worden getoond", "This page could not be shown"),
    "something_failed_fix": (
        "Ververs de pagina. Blijft het gebeuren, geef dan kenmerk `{reference}` door: daarmee is de oorzaak in het logboek te vinden.",
        "Reload the page. If it happens again, pass on reference `{reference}`: it finds the cause in the log.",
    ),
    "fix": ("Oplossing: {fix}", "Fix: {fix}"),
    # measures
    "calls": ("Gesprekken", "Calls"),
    "minutes": ("Minuten", "Minutes"),
    "sale": ("Verkoop", "Sales"),
    "purchase": ("Inkoop", "Purchase"),
    "margin": ("Marge", "Margin"),
    "margin_percent_of_sale": ("Marge % van omzet", "Margin % of revenue"),
    "markup_percent": ("Opslag % op inkoop", "Markup % on purchase"),
    "percent_of_revenue": ("{percent} van de omzet", "{percent} of revenue"),
    "answered_share": ("{percent} beantwoord", "{percent} answered"),
    "total": ("Totaal", "Total"),
    # dashboard
    "call_figures": (
        "Gesprekken van {period}, zonder abonnementen en diensten",
        "Calls of {period}, without subscriptions and services",
    ),
    "compared_with": ("vergeleken met {period}", "compared with {period}"),
    "not_compared": (
        "geen eerdere periode om mee te vergelijken",
        "no earlier period to compare with",
    ),
    "previously": ("was {value}", "was {value}"),
    "international_customers": (
        "Klanten die het meest naar het buitenland bellen",
        "Customers who call abroad the most",
    ),
    "international_hint": (
        "Klik op een klant voor zijn bestemmingen.",
        "Click a customer for the destinations.",
    ),
    "top_destinations": ("Bestemmingen van {customer}", "Destinations of {customer}"),
    "world": ("Waar de gesprekken heen gaan", "Where the calls go"),
    "not_on_map": ("Niet op de kaart: {countries}.", "Not on the map: {countries}."),
    "per_day": ("Per dag", "Per day"),
    "unrated_notice": (
        "{count} gesprekken zonder inkooptarief: nog niet in de bedragen",
        "{count} calls without a purchase rate: not in the amounts yet",
    ),
    "unrated_notice_one": (
        "1 gesprek zonder inkooptarief: nog niet in de bedragen",
        "1 call without a purchase rate: not in the amounts yet",
    ),
    "quarantine_notice": (
        "{count} aangeleverde regels in quarantaine, over alle perioden: {reasons}",
        "{count} delivered rows in quarantine, over all periods: {reasons}",
    ),
    "quarantine_notice_some": (
        "{count} aangeleverde regels in quarantaine, over alle perioden, waaronder {reasons}",
        "{count} delivered rows in quarantine, over all periods, among them {reasons}",
    ),
    "more_destinations": (
        "De {count} grootste; er zijn er nog {more}.",
        "The {count} largest; there are {more} more.",
    ),
    # margins
    "by": ("Per", "By"),
    "by_customer": ("Klant", "Customer"),
    "by_destination": ("Bestemming", "Destination"),
    "by_service": ("Dienst", "Service"),
    "by_month": ("Maand", "Month"),
    "margins_scope": (
        "Gesprekken en diensten van {months}",
        "Calls and services of {months}",
    ),
    "margins_scope_calls": (
        "Gesprekken van {months}; diensten hebben geen bestemming",
        "Calls of {months}; services have no destination",
    ),
    "whole_months": (
        "Marges zijn per hele maand; de gekozen dagen liggen in deze maanden.",
        "Margins are per whole month; the chosen days lie in these months.",
    ),
    "customer": ("Klant", "Customer"),
    "customer_id": ("Klantnummer", "Customer id"),
    "reseller": ("Wederverkoper", "Reseller"),
    "destination": ("Bestemming", "Destination"),
    "country": ("Land", "Country"),
    "line_type": ("Soort lijn", "Line type"),
    "service": ("Dienst", "Service"),
    "kind": ("Soort", "Kind"),
    "month": ("Maand", "Month"),
    "kind_calls": ("Gesprekken", "Calls"),
    "kind_services": ("Diensten", "Services"),
    "FIX": ("vast", "fixed"),
    "MOB": ("mobiel", "mobile"),
    "SPECIAL": ("speciaal", "special"),
    "drill_hint": (
        "Vink een klant aan voor zijn bestemmingen en diensten.",
        "Tick a customer to see the destinations and services.",
    ),
    "drill_title": ("{customer}: bestemmingen en diensten", "{customer}: destinations and services"),
    "no_margins": ("Geen marges in deze maanden", "No margins in these months"),
    "download_csv": ("CSV", "CSV"),
    "download_xlsx": ("Excel", "Excel"),
    "download_csv_help": (
        "Alle regels, exacte bedragen; komma tussen de kolommen, punt als decimaalteken.",
        "All rows, exact amounts; comma between columns, decimal point.",
    ),
    "download_xlsx_help": (
        "Alle regels met opmaak en totalen, en een blad met de gekozen periode en de stand.",
        "All rows with formats and totals, and a sheet with the chosen period and as-of time.",
    ),
    "largest_only": (
        "De grafiek toont de {count} grootste; de tabel en de bestanden tonen alles.",
        "The chart shows the {count} largest; the table and the files show all.",
    ),
    # line capacity
    "pvc_intro": (
        "Hoeveel gesprekken passen er tegelijk op een lijn?",
        "How many simultaneous calls fit on a line?",
    ),
    "access_profile": ("Toegangsprofiel", "Access profile"),
    "own_line": ("Zelf invullen", "Enter your own"),
    "example": ("{name} (voorbeeld)", "{name} (example)"),
    "illustrative": (
        "De toegangsprofielen zijn voorbeelden, geen producten van een leverancier: pas de waarden aan op uw eigen lijn.",
        "The access profiles are examples, not products of a supplier: change the values to those of your own line.",
    ),
    "down_kbps": ("Download (kbit/s)", "Download (kbit/s)"),
    "up_kbps": ("Upload (kbit/s)", "Upload (kbit/s)"),
    "voice_kbps": ("Spraak-PVC (kbit/s)", "Voice PVC (kbit/s)"),
    "voice_kbps_help": (
        "De eigen gegarandeerde snelheid van het spraakkanaal; leeg als er geen is.",
        "The voice channel's own guaranteed speed; empty without one.",
    ),
    "none": ("geen", "none"),
    "contention": ("Overboeking", "Contention"),
    "framing": ("Laag 2", "Layer 2"),
    "codec": ("Codec", "Codec"),
    "packet_ms": ("Pakkettijd (ms)", "Packet time (ms)"),
    "srtp_tag": ("SRTP-tag (bytes)", "SRTP tag (bytes)"),
    "srtp_tag_help": ("0 = geen versleuteling, 10 is gebruikelijk.", "0 = no encryption, 10 is usual."),
    "reserve": ("Reserve (%)", "Reserve (%)"),
    "reserve_help": ("Deel van de lijn dat vrij blijft van gesprekken.", "Part of the line that stays free of calls."),
    "ip_version": ("IP-versie", "IP version"),
    "simultaneous_calls": ("gesprekken tegelijk", "simultaneous calls"),
    "simultaneous_call": ("gesprek tegelijk", "simultaneous call"),
    "per_call_of": (
        "{kbps} kbit/s per gesprek, van {guaranteed} kbit/s",
        "{kbps} kbit/s per call, out of {guaranteed} kbit/s",
    ),
    "guaranteed_by_voice": (
        "Gegarandeerd: de spraak-PVC van {voice} kbit/s",
        "Guaranteed: the voice PVC of {voice} kbit/s",
    ),
    "guaranteed_by_share": (
        "Gegarandeerd: de langzaamste van {down} en {up} kbit/s, {share} daarvan bij overboeking {contention}",
        "Guaranteed: the slower of {down} and {up} kbit/s, {share} of it at contention {contention}",
    ),
    "arithmetic": ("De berekening", "The arithmetic"),
    "step": ("Stap", "Step"),
    "how": ("Hoe", "How"),
    "result": ("Uitkomst", "Result"),
    "customer_lines": ("De lijnen van uw klanten", "Your customers' lines"),
    "customer_lines_hint": (
        "Wat er tegelijk past: het kleinste van lijn, spraakkanalen en licentie. Piek: wat er de laatste {days} dagen echt tegelijk liep.",
        "What fits at once: the smallest of line, trunk channels and licence. Peak: what really ran at once in the last {days} days.",
    ),
    "customer_lines_split": (
        "Bij een klant met meer lijnen is de piek die van de klant: geen gespreksregel zegt over welke lijn een gesprek ging.",
        "Where a customer has several lines the peak is the customer's: no call record says which line a call took.",
    ),
    "no_lines": ("Van uw klanten zijn geen internetlijnen aangeleverd.", "No internet lines of your customers have been delivered."),
    "lines_exceeded": (
        "{count} van {lines} lijnen hebben meer gesprekken gehad dan er passen.",
        "{count} of {lines} lines had more calls than fit.",
    ),
    "lines_not_exceeded": (
        "Op geen van de {lines} lijnen liepen meer gesprekken dan er passen.",
        "None of the {lines} lines had more calls than fit.",
    ),
    "lines_unknown": ("Niet te berekenen: {lines}.", "Cannot be computed: {lines}."),
    "lines_assumed": (
        "Van {lines} is het profiel onbekend: gerekend met de zwaarste laag 2 en zonder overboeking.",
        "The profile of {lines} is not known: computed with the heaviest layer 2 and no contention.",
    ),
    "tightest_only": (
        "Het overzicht toont de {count} krapste; de tabel toont alles.",
        "The overview shows the {count} tightest; the table shows all.",
    ),
    "picture": ("Overzicht", "Overview"),
    "line": ("Lijn", "Line"),
    "fits": ("Past", "Fits"),
    "fits_on_line": ("Past op de lijn", "Fits on the line"),
    "channels": ("Spraakkanalen", "Trunk channels"),
    "license": ("Licentie", "Licence"),
    "limited_by": ("Begrensd door", "Limited by"),
    "limit_line": ("lijn", "line"),
    "limit_channels": ("spraakkanalen", "trunk channels"),
    "limit_license": ("licentie", "licence"),
    "peak": ("Piek", "Peak"),
    "headroom": ("Over", "To spare"),
    "week_of": ("De week van {customer}", "The week of {customer}"),
    "week_hint": (
        "De meeste gesprekken tegelijk per uur van de week, over de laatste {months} maanden.",
        "The most simultaneous calls per hour of the week, over the last {months} months.",
    ),
    "peaks_per_day": ("Piek per dag", "Peak per day"),
    "full_matrix": ("De hele matrix", "The full matrix"),
    "full_matrix_hint": (
        "Gesprekken die passen per profiel, codec en pakkettijd, zonder reserve. Lichtrood: er past er geen.",
        "Calls that fit per profile, codec and packet time, without reserve. Pale red: none fits.",
    ),
    "heat_map": ("Overzicht", "Heat map"),
    "table": ("Tabel", "Table"),
    "technology": ("Techniek", "Technology"),
    "kbps_per_call": ("kbit/s per gesprek", "kbit/s per call"),
    "guaranteed_kbps": ("Gegarandeerd kbit/s", "Guaranteed kbit/s"),
    "concurrent_calls": ("Gesprekken", "Calls"),
    "parameters": ("Gegevens", "Parameters"),
    "report": ("Rapport", "Report"),
    "rows": ("Regels", "Rows"),
    "as_of_label": ("Stand van", "As of"),
    "snapshot_label": ("Momentopname", "Snapshot"),
    "time_zone": ("Tijdzone", "Time zone"),
}

REASONS: dict[str, tuple[str, str]] = {
    # whole files
    "truncated": ("bestand afgebroken", "file breaks off"),
    "wrong_header": ("verkeerde kopregel", "wrong header"),
    "wrong_encoding": ("geen UTF-8", "not UTF-8"),
    "empty_file": ("leeg bestand", "empty file"),
    "unreadable": ("onleesbaar bestand", "file that cannot be read"),
    "unreadable_list": ("onleesbare prijslijst", "price list that cannot be read"),
    # lines
    "column_count": ("verkeerd aantal kolommen", "wrong number of columns"),
    "nul_byte": ("NUL-teken in de regel", "NUL byte in the line"),
    "malformed_quotes": ("aanhalingstekens kloppen niet", "malformed quotes"),
    # calls
    "invalid_started_at": ("onleesbare begintijd", "unreadable start time"),
    "invalid_answered_at": ("onleesbaar opneemmoment", "unreadable answer time"),
    "invalid_ended_at": ("onleesbare eindtijd", "unreadable end time"),
    "invalid_duration_s": ("onleesbare duur", "unreadable duration"),
    "missing_started_at": ("zonder begintijd", "without a start time"),
    "missing_duration_s": ("zonder duur", "without a duration"),
    "missing_callee": ("zonder gebeld nummer", "without a called number"),
    "missing_call_id": ("zonder gesprekskenmerk", "without a call id"),
    "missing_customer_id": ("zonder klantnummer", "without a customer id"),
    "nonexistent_local_time": ("tijd die niet bestaat (zomertijd)", "time that does not exist (summer time)"),
    "negative_duration": ("negatieve duur", "negative duration"),
    "duration_over_24h": ("langer dan 24 uur", "longer than 24 hours"),
    "end_before_start": ("einde voor begin", "end before start"),
    "future_date": ("datum in de toekomst", "date in the future"),
    "year_out_of_range": ("jaartal buiten bereik", "year out of range"),
    "billed_before": ("staat anders op een factuur", "stands otherwise on an invoice"),
    "same_call_in_two_sources": ("zelfde gesprek uit een andere bron", "same call from another source"),
    "contradictory_direction": ("richting klopt niet met de nummers", "direction contradicts the numbers"),
    "numbers_disagree": ("nummers in één regel spreken elkaar tegen", "numbers of one row contradict each other"),
    "unknown_customer": ("onbekende klant", "unknown customer"),
    "unknown_service": ("onbekende dienst", "unknown service"),
    # tariffs
    "negative_rate": ("negatief tarief", "negative rate"),
    "rate_too_high": ("tarief te hoog", "rate too high"),
    "no_minute_rate": ("zonder minuuttarief", "without a minute rate"),
    "both_minute_rates": ("twee minuuttarieven", "two minute rates"),
    "percent_out_of_range": ("percentage buiten bereik", "percentage out of range"),
    "license_calls_out_of_range": ("aantal gesprekken van een licentie buiten bereik", "calls of a licence out of range"),
    # lines and trunks
    "channels_out_of_range": ("aantal spraakkanalen buiten bereik", "number of channels out of range"),
    "speed_out_of_range": ("snelheid van een lijn buiten bereik", "speed of a line out of range"),
    "no_customer": ("zonder klant of groep", "without a customer or group"),
    "no_plan": ("zonder plan", "without a plan"),
    "negative_price": ("negatieve prijs", "negative price"),
    "price_out_of_range": ("prijs buiten bereik", "price out of range"),
    "amount_out_of_range": ("bedrag buiten bereik", "amount out of range"),
    "part_of_a_cent": ("deel van een cent", "part of a cent"),
    "both_mrc": ("twee opslagen per maand", "two monthly markups"),
    "both_nrc": ("twee eenmalige opslagen", "two one-off markups"),
    "amount_for_category": ("bedrag voor een hele categorie", "amount for a whole category"),
    "category_and_service": ("categorie en dienst tegelijk", "category and service at once"),
    "no_category_or_service": ("zonder categorie of dienst", "without a category or service"),
    "no_markup_given": ("zonder opslag", "without a markup"),
    "valid_to_not_after_valid_from": ("einddatum niet na begindatum", "end date not after the start date"),
    "gap": ("gat in de geldigheid", "gap in the validity"),
    "two_rows_for_one_moment": ("twee regels voor één moment", "two rows for one moment"),
    "deck_version_blocked": ("prijslijst die als geheel wacht", "price list that waits as a whole"),
    # orders and readings
    "ended_before_delivered": ("einde voor levering", "ended before it was delivered"),
    "line_continued_twice": ("orderregel twee keer voortgezet", "order line continued twice"),
    "continues_later_line": ("zet een latere orderregel voort", "continues a later order line"),
    "several_account_holders": ("meerdere contracthouders", "several account holders"),
    "several_losing_operators": ("meerdere verliezende aanbieders", "several losing operators"),
    "overlapping_numbers": ("nummer staat er twee keer in", "a number twice"),
    "tier_without_fmc": ("vast-mobiel hoort niet bij dit abonnement", "fixed-mobile is not in this tier"),
    "negative_extensions": ("aantal extensies buiten bereik", "number of extensions out of range"),
    "block_too_large": ("nummerblok te groot", "block of numbers too large"),
    # whose it is
    "customer_of_another_partner": ("klant van een andere partner", "customer of another partner"),
    "account_of_another_partner": ("account van een andere partner", "account of another partner"),
    "number_of_another_partner": ("nummer van een andere partner", "number of another partner"),
    "deck_of_another_partner": ("prijslijst van een andere partner", "deck of another partner"),
    "other_partners_row": ("regel van een andere partner in dit bestand", "row of another partner in this file"),
    "no_partner_of_group": ("groep zonder partner", "group without a partner"),
    "ambiguous_partner": ("meerdere partners mogelijk", "several partners may be meant"),
    "nobodys_deck": ("prijslijst die niemand gebruikt", "deck that nobody buys by"),
    # the wholesaler's invoice
    "no_deck_or_service": ("zonder prijslijst of dienst", "without a deck or service"),
    "both_deck_and_service": ("prijslijst en dienst tegelijk", "deck and service at once"),
    "destination_of_a_service": ("bestemming bij een dienst", "destination of a service"),
    "seconds_of_a_service": ("seconden bij een dienst", "seconds of a service"),
    "calls_out_of_range": ("aantal gesprekken buiten bereik", "number of calls out of range"),
    "seconds_out_of_range": ("aantal seconden buiten bereik", "number of seconds out of range"),
    "twice_in_file": ("twee keer in één bestand, met andere bedragen", "twice in one file, with other amounts"),
    "named_twice": ("twee keer genoemd", "named twice"),
}
"""Why rows are in quarantine. Other codes that name a column (``missing_prefix``) are written by ``reason``."""
REASON_FAMILIES: dict[str, tuple[str, str]] = {
    "invalid_": ("onleesbare waarde in {column}", "unreadable value in {column}"),
    "missing_": ("zonder {column}", "without {column}"),
    "unknown_": ("onbekend: {column}", "unknown: {column}"),
}

SERVICE_CATEGORIES: dict[str, str] = {
    "Telefoonnummers": "Phone numbers",
    "3CX licentie": "3CX licence",
    "Internet verbindingen": "Internet connections",
    "Speciale nummers": "Special numbers",
    "Portering": "Porting",
    "Vast-mobiel": "Fixed-mobile",
}
"""English for the categories that the wholesaler names in Dutch (DOMAIN 3). A partner's own categories stay as he wrote them."""


def text(language: Language, key: str, /, **values: object) -> str:
    """The words for ``key`` with ``{values}`` filled in. KeyError for an unknown key: a test walks all keys that pages use."""
    return TEXTS[key][LANGUAGES.index(language)].format(**values)


def reason(language: Language, code: str) -> str:
    """The words for why a row is in quarantine; the code itself where there are none."""
    place = LANGUAGES.index(language)
    if code in REASONS:
        return REASONS[code][place]
    for prefix, words in REASON_FAMILIES.items():
        if code.startswith(prefix):
            return words[place].format(column=f"`{code.removeprefix(prefix)}`")
    return f"`{code}`"


def verbatim(name: str) -> str:
    """A name for a Markdown widget, shown as it is: ``*`` and ``[`` in it are letters, not layout."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~$:])", r"\\\1", name)


def rounded(value: Number, decimals: int) -> Decimal:
    """``value`` at ``decimals`` places, half away from zero (DOMAIN rule 2.4); a zero has no sign."""
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    written = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return written or written.copy_abs()


def number(language: Language, value: Number | None, decimals: int = 0) -> str:
    """``1.234,5`` in Dutch, ``1,234.5`` in English."""
    if value is None:
        return DASH
    decimal_mark, thousands_mark = SEPARATORS[language]
    written = f"{rounded(value, decimals):,f}"
    return written.translate(str.maketrans({".": decimal_mark, ",": thousands_mark}))


def money(language: Language, value: Number | None, decimals: int = 2) -> str:
    """Euros: ``€ 1.234,56`` in Dutch, ``€1,234.56`` in English; the minus stands with the number in Dutch, first in English."""
    if value is None:
        return DASH
    if language == "nl":
        return f"€ {number(language, value, decimals)}"
    amount = number(language, value, decimals)
    return f"-€{amount[1:]}" if amount.startswith("-") else f"€{amount}"


def percent(language: Language, value: Number | None, decimals: int = 1) -> str:
    """Percent is percent: 12.5 is written ``12,5 %`` in Dutch, ``12.5%`` in English."""
    if value is None:
        return DASH
    return f"{number(language, value, decimals)}{' %' if language == 'nl' else '%'}"


def change(language: Language, now: Number, before: Number) -> str | None:
    """The change from ``before`` to ``now`` as signed percent, or None where before was zero."""
    if not before:
        return None
    points = rounded((Decimal(str(now)) - Decimal(str(before))) * 100 / abs(Decimal(str(before))), 1)
    return f"{'+' if points > 0 else ''}{percent(language, points)}"


def minutes(duration_s: int) -> Decimal:
    """Seconds as minutes, exact enough for any number of decimals shown."""
    return Decimal(duration_s) / 60


def day(language: Language, value: date) -> str:
    """``1 oktober 2026``"""
    return f"{value.day} {MONTHS[language][value.month - 1]} {value.year}"


def short_day(language: Language, value: date) -> str:
    """``1 okt``"""
    return f"{value.day} {SHORT_MONTHS[language][value.month - 1]}"


def weekday(language: Language, value: date) -> str:
    """``wo 1 oktober 2026``"""
    return f"{WEEKDAYS[language][value.weekday()]} {day(language, value)}"


def month(language: Language, value: str) -> str:
    """``oktober 2026`` for ``2026-10``"""
    year, number_of_month = value.split("-")
    return f"{MONTHS[language][int(number_of_month) - 1]} {year}"


def short_month(language: Language, value: str) -> str:
    """``okt 26`` for ``2026-10``"""
    year, number_of_month = value.split("-")
    return f"{SHORT_MONTHS[language][int(number_of_month) - 1]} {year[2:]}"


def months(language: Language, values: tuple[str, ...]) -> str:
    """``augustus – oktober 2026`` for months in order."""
    if len(values) == 1:
        return month(language, values[0])
    first, last = month(language, values[0]), month(language, values[-1])
    return f"{first.removesuffix(f' {values[-1][:4]}')} – {last}"


def days(language: Language, first_date: date, last_date: date) -> str:
    """A whole month by its name, else ``1 – 14 oktober 2026``."""
    next_day = date.fromordinal(last_date.toordinal() + 1)
    if first_date.day == 1 and next_day.day == 1:
        touched = tuple(dict.fromkeys((f"{first_date:%Y-%m}", f"{last_date:%Y-%m}")))
        return months(language, touched)
    if first_date == last_date:
        return day(language, first_date)
    if (first_date.year, first_date.month) == (last_date.year, last_date.month):
        return f"{first_date.day} – {day(language, last_date)}"
    if first_date.year == last_date.year:
        return f"{first_date.day} {MONTHS[language][first_date.month - 1]} – {day(language, last_date)}"
    return f"{day(language, first_date)} – {day(language, last_date)}"


def moment(language: Language, value: datetime) -> str:
    """``22 november 2026 07:15``, in the zone that ``value`` is in."""
    return f"{day(language, value.date())} {value:%H:%M}"
