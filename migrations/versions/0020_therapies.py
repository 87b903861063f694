"""The same medicine twice: what a medicine is made of, and that two of it are both meant.

The ingredients of what was prescribed so far are read from its name as the portal read them when
this was written; the words and the rules are a copy, so that this migration never changes.
"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

NEW_KIND = "duplicate_therapy"
FORGET_WAYS = """
    DELETE FROM work_item_hop WHERE work_item_id IN (
        SELECT id FROM work_item WHERE kind = 'duplicate_therapy')
"""
FORGET_ITEMS = "DELETE FROM work_item WHERE kind = 'duplicate_therapy'"


def words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


def names_of(text: str) -> dict[str, list[str]]:
    lines = (line.split(":") for line in " ".join(text.split()).split(";"))
    return {name.strip(): means.strip().split(", ") for name, means in lines}


SALTS = words_of(
    """
    acetate acetonide anhydrous aspartate axetil besilate besylate bicarbonate bitartrate
    bromide calcium carbonate chloride cilexetil citrate cypionate decanoate dihydrate
    dihydrochloride dimesylate dipropionate disodium disoproxil edisylate enanthate erbumine
    esylate ethylsuccinate fluoride fosfate fumarate furoate gluconate glucuronate glycinate
    hbr hcl hemihydrate hydrobromide hydrochloride hydroxide lactate lysine magnesium
    maleate malate medoxomil meglumine mesilate mesylate methylsulfate monohydrate
    monohydrochloride mofetil napsylate nitrate oxalate oxide pamoate pentahydrate phosphate
    pivalate potassium propionate sesquihydrate sodium stearate succinate sulfate sulphate
    tartrate tosylate trihydrate trisodium tromethamine valerate xinafoate zinc
    """
)
ELEMENTS = words_of("calcium magnesium potassium zinc")
OTHERS = words_of(
    """
    12h 12hr 24h 24hr acting cd coated controlled cr delayed disintegrating dr ds ec enteric
    er extended film hfa immediate ir la long modified mr odt pa prolonged release sa short
    slow sr sustained timed xl xr xt aerosol ampoule ampule auto autoinjector caplet caplets
    capsule capsules caps chewable cream dose doses drops dry elixir for foam gel human
    implant in inhalation inhaler injectable injection injector intramuscular intravenous
    kit lotion lozenge metered nasal no of ointment ophthalmic oral otic pack patch pen per
    powder prefilled rectal solution spray sublingual subcutaneous suppository suspension
    syringe syrup system tab tablet tablets tabs the topical transdermal usp vaginal vial
    """
)
UNITS = words_of(
    """
    % actuation act g gm h hour hr iu kg l mcg meq mg micrograms ml mmol ng unit units unt
    """
)
PREFIXES = words_of("all alpha beta co d delta epsilon gamma l n omega para peg r rac s")
NAMES = names_of(
    """
    acetylsalicylic acid: aspirin; asa: aspirin; paracetamol: acetaminophen; apap:
    acetaminophen; salbutamol: albuterol; levosalbutamol: levalbuterol; adrenaline:
    epinephrine; noradrenaline: norepinephrine; pethidine: meperidine; glibenclamide:
    glyburide; rifampicin: rifampin; aciclovir: acyclovir; valaciclovir: valacyclovir;
    ciclosporin: cyclosporine; cyclosporin: cyclosporine; frusemide: furosemide; furosemid:
    furosemide; amoxycillin: amoxicillin; cephalexin: cefalexin; lignocaine: lidocaine;
    thyroxine: levothyroxine; l thyroxine: levothyroxine; hctz: hydrochlorothiazide;
    clavulanic acid: clavulanate; alendronic acid: alendronate; risedronic acid:
    risedronate; ibandronic acid: ibandronate; zoledronic acid: zoledronate; valproic acid:
    valproate; divalproex: valproate; mycophenolic acid: mycophenolate; ferrous: iron;
    ferric: iron; ferrous sulfate: iron; cholecalciferol: vitamin d3; colecalciferol:
    vitamin d3; cyanocobalamin: vitamin b12; vitamin b 12: vitamin b12; ascorbic acid:
    vitamin c; cotrimoxazole: sulfamethoxazole, trimethoprim; co trimoxazole:
    sulfamethoxazole, trimethoprim; co amoxiclav: amoxicillin, clavulanate; co codamol:
    acetaminophen, codeine; abilify: aripiprazole; adderall: amphetamine, dextroamphetamine;
    advair: fluticasone, salmeterol; advil: ibuprofen; aleve: naproxen; ambien: zolpidem;
    ativan: lorazepam; augmentin: amoxicillin, clavulanate; bactrim: sulfamethoxazole,
    trimethoprim; benicar: olmesartan; brilinta: ticagrelor; bystolic: nebivolol; cardizem:
    diltiazem; celebrex: celecoxib; celexa: citalopram; concerta: methylphenidate; coreg:
    carvedilol; coumadin: warfarin; cozaar: losartan; crestor: rosuvastatin; cymbalta:
    duloxetine; depakote: valproate; diovan: valsartan; eliquis: apixaban; entresto:
    sacubitril, valsartan; farxiga: dapagliflozin; fosamax: alendronate; glucophage:
    metformin; hyzaar: losartan, hydrochlorothiazide; imitrex: sumatriptan; inderal:
    propranolol; janumet: sitagliptin, metformin; januvia: sitagliptin; jantoven: warfarin;
    jardiance: empagliflozin; keppra: levetiracetam; klonopin: clonazepam; klor con:
    potassium; lamictal: lamotrigine; lanoxin: digoxin; lantus: insulin glargine; basaglar:
    insulin glargine; toujeo: insulin glargine; lasix: furosemide; levoxyl: levothyroxine;
    lexapro: escitalopram; lipitor: atorvastatin; lopressor: metoprolol; lotensin:
    benazepril; lotrel: amlodipine, benazepril; lyrica: pregabalin; mobic: meloxicam;
    motrin: ibuprofen; ms contin: morphine; neurontin: gabapentin; nexium: esomeprazole;
    norco: hydrocodone, acetaminophen; norvasc: amlodipine; oxycontin: oxycodone; ozempic:
    semaglutide; rybelsus: semaglutide; wegovy: semaglutide; paxil: paroxetine; pepcid:
    famotidine; percocet: oxycodone, acetaminophen; plavix: clopidogrel; pravachol:
    pravastatin; prilosec: omeprazole; prinivil: lisinopril; proair: albuterol; protonix:
    pantoprazole; proventil: albuterol; prozac: fluoxetine; ritalin: methylphenidate;
    roxicodone: oxycodone; septra: sulfamethoxazole, trimethoprim; seroquel: quetiapine;
    singulair: montelukast; spiriva: tiotropium; symbicort: budesonide, formoterol;
    synthroid: levothyroxine; tenormin: atenolol; topamax: topiramate; toprol: metoprolol;
    tylenol: acetaminophen; ultram: tramadol; valium: diazepam; vasotec: enalapril;
    ventolin: albuterol; vicodin: hydrocodone, acetaminophen; wellbutrin: bupropion; xanax:
    alprazolam; xarelto: rivaroxaban; zestoretic: lisinopril, hydrochlorothiazide; zestril:
    lisinopril; zocor: simvastatin; zoloft: sertraline; zyprexa: olanzapine
    """
)
BETWEEN = re.compile(r"\s*(?:[/+,;&|()\[\]]|\b(?:and|with|plus)\b)\s*")
DASH = re.compile("[\u2010-\u2015\u2212-]")
TOKEN = re.compile(r"[^\W_]+(?:\.[^\W_]+)*|%")
AMOUNT = re.compile(r"([0-9][0-9.]*)([^\W\d_]*|%)")


def know_kinds(kinds: list[str]) -> None:
    """The kinds of work item that there are."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f("ck_work_item_kind_known"), "work_item", type_="check")
    op.create_check_constraint(op.f("ck_work_item_kind_known"), "work_item", f"kind IN ({listed})")


def known_kinds() -> list[str]:
    query = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conname = 'ck_work_item_kind_known'"
    )
    return re.findall(r"'([a-z_]+)'", op.get_bind().execute(query).scalar_one())


def folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).casefold()
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def ingredients_of(name: str) -> list[str]:
    found: set[str] = set()
    for part in BETWEEN.split(folded(name)):
        for piece in pieces(part):
            if piece and not piece.replace(" ", "").isdigit():
                found.update(other_name(piece) or [piece])
    words = tokens(name)
    return sorted(found) or ([" ".join(words)] if words else [])


def tokens(text: str) -> list[str]:
    return TOKEN.findall(DASH.sub(" ", folded(text)))


def pieces(part: str) -> list[str]:
    whole = substance(tokens(part))
    sides = [substance(tokens(side)) for side in DASH.split(part)]
    alone = [side in NAMES or (len(side) >= 4 and side not in PREFIXES) for side in sides]
    return sides if len(sides) > 1 and other_name(whole) is None and all(alone) else [whole]


def substance(words: list[str]) -> str:
    after = [*words[1:], ""]
    kept = [
        word
        for word, then in zip(words, after, strict=False)
        if word not in OTHERS and not is_amount(word, then)
    ]
    named = without_number_at_end(kept)
    bare = without_number_at_end([word for word in named if word not in SALTS])
    if not bare and named and named[0] in ELEMENTS:
        return named[0]
    return " ".join(bare or named)


def is_amount(word: str, then: str) -> bool:
    amount = AMOUNT.fullmatch(word)
    if word in UNITS or amount is None:
        return word in UNITS
    number, unit = amount.groups()
    return unit in UNITS or (not unit and (then in UNITS or len(number) > 2))


def without_number_at_end(words: list[str]) -> list[str]:
    left = list(words)
    while len(left) > 1 and left[-1].isdigit() and len(left[-2]) > 1:
        left.pop()
    return left


def other_name(substance: str) -> list[str] | None:
    words = substance.split()
    starts = (" ".join(words[:length]) for length in range(len(words), 0, -1))
    return next((NAMES[start] for start in starts if start in NAMES), None)


def read_names() -> None:
    """What each name that was prescribed tells of: there are far fewer names than prescriptions."""
    bind = op.get_bind()
    fill = sa.text(
        "UPDATE prescription SET ingredients = CAST(:ingredients AS text[]) WHERE drug_name = :name"
    )
    names = bind.execute(sa.text("SELECT DISTINCT drug_name FROM prescription")).scalars().all()
    for name in names:
        if read := ingredients_of(name):
            bind.execute(fill, {"ingredients": read, "name": name})


def upgrade() -> None:
    op.add_column(
        "prescription",
        sa.Column(
            "ingredients",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    read_names()
    op.execute("SET CONSTRAINTS ALL IMMEDIATE")  # an altered table may have no checks due
    op.create_index(
        "ix_prescription_standing",
        "prescription",
        ["patient_id"],
        postgresql_where=sa.text("status IN ('active', 'on_hold')"),
    )
    make_confirmations()
    know_kinds([*known_kinds(), NEW_KIND])


def make_confirmations() -> None:
    table = "duplicate_confirmation"
    parents = {
        "patient_id": "patient",
        "prescription_id": "prescription",
        "other_id": "prescription",
    }
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in parents),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("prescription_id <> other_id", name=op.f(f"ck_{table}_two_of_them")),
        sa.CheckConstraint("length(reason) > 0", name=op.f(f"ck_{table}_reason_given")),
        *(
            sa.ForeignKeyConstraint([name], [f"{parent}.id"], name=op.f(f"fk_{table}_{name}"))
            for name, parent in parents.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(f"ix_{table}_prescription", table, ["prescription_id", "other_id"])
    op.create_index(f"ix_{table}_other", table, ["other_id", "prescription_id"])
    op.create_index(f"ix_{table}_patient", table, ["patient_id"])


def downgrade() -> None:
    op.execute(FORGET_WAYS)
    op.execute(FORGET_ITEMS)
    know_kinds([kind for kind in known_kinds() if kind != NEW_KIND])
    op.drop_table("duplicate_confirmation")
    op.drop_index("ix_prescription_standing", table_name="prescription")
    op.drop_column("prescription", "ingredients")
