"""JSON of vital signs and problems."""

from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from portal.core.dates import LOOKED_FOR, MEASURED, OF_THE_PAST, day_field, time_field
from portal.core.schemas import (
    DIAGNOSIS,
    ExactDecimal,
    Listing,
    PageQuery,
    Strict,
    note_field,
    prose_field,
    text_field,
)
from portal.requisitions.schemas import SNOMED
from portal.visits.service import AddProblem, Measured
from portal.visits.states import PROBLEM, CodeSystem, Position, ProblemStatus
from portal.visits.vital_rules import BLOOD_PRESSURE, BMI, KINDS, NAMES

MOST_VITALS = 20
WHOSE = {"description": "For practitioners and staff: whose"}
_LISTED = ", ".join(f"{code} {name.lower()}" for code, name in NAMES.items())
_STATUSES = [value.value for value in ProblemStatus]


def _number(**options: Any) -> ExactDecimal:
    return ExactDecimal(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, 100_000, min_inclusive=False),
        metadata=options,
    )


class MeasuredSchema(Strict):
    """One measurement: a value, or both parts of a blood pressure."""

    code = fields.String(
        required=True,
        validate=validate.OneOf(list(KINDS)),
        metadata={
            "description": f"LOINC: {_LISTED}; the last is computed, never measured",
            "example": "8310-5",
        },
    )
    value = _number(example=36.8)
    systolic = _number(description="Of a blood pressure", example=None)
    diastolic = _number(description="Of a blood pressure", example=None)
    unit = text_field(64, metadata={"description": "UCUM", "example": "Cel"})
    position = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.OneOf([value.value for value in Position]),
    )
    measured_at = time_field(
        MEASURED, load_default=None, allow_none=True, metadata={"description": "Now, unless given"}
    )
    note = note_field(300)

    @validates_schema
    def _parts(self, data: dict[str, Any], **_kwargs: Any) -> None:
        pressure = data["code"] == BLOOD_PRESSURE
        wanted = ("systolic", "diastolic") if pressure else ("value",)
        for name in ("value", "systolic", "diastolic"):
            if name in wanted and data[name] is None:
                raise ValidationError("This measurement needs it.", name)
            if name not in wanted and data[name] is not None:
                said = "Give `systolic` and `diastolic`." if pressure else "Give `value`."
                raise ValidationError(said, name)

    @post_load
    def _measured(self, data: dict[str, Any], **_kwargs: Any) -> Measured:
        return Measured(**data)


class RecordVitalsSchema(Strict):
    vitals = fields.List(
        fields.Nested(MeasuredSchema), required=True, validate=validate.Length(1, MOST_VITALS)
    )


class WithdrawVitalSchema(Strict):
    reason = text_field(
        300,
        required=False,
        load_default=None,
        allow_none=True,
        metadata={"example": "Typed into the wrong record"},
    )


class VitalsQuery(PageQuery):
    """Query string of the list of measurements."""

    code = fields.String(
        load_default=None,
        validate=validate.OneOf(list(NAMES)),
        metadata={"description": f"LOINC: {_LISTED}"},
    )
    patient_id = fields.UUID(load_default=None, metadata=WHOSE)


class VitalTrendQuery(Strict):
    """Query string of a trend."""

    code = fields.String(
        required=True,
        validate=validate.OneOf(list(NAMES)),
        metadata={"description": f"LOINC: {_LISTED}", "example": "29463-7"},
    )
    patient_id = fields.UUID(load_default=None, metadata=WHOSE)
    since = day_field(
        LOOKED_FOR,
        data_key="from",
        load_default=None,
        metadata={"description": "First day; five years back if not said"},
    )
    until = day_field(
        LOOKED_FOR,
        data_key="to",
        load_default=None,
        metadata={"description": "Last day; today if not said"},
    )
    unit = text_field(
        64,
        required=False,
        load_default=None,
        metadata={"description": "UCUM; the latest's if not said", "example": "kg"},
    )

    @validates_schema
    def _order(self, data: dict[str, Any], **_kwargs: Any) -> None:
        since, until = data["since"], data["until"]
        if since is not None and since > (until or date.max):
            raise ValidationError("Not after `to`.", "from")


class VitalPartSchema(Schema):
    code = fields.String(metadata={"example": "8480-6"})
    name = fields.String(metadata={"example": "Systolic blood pressure"})
    value = fields.Float(allow_none=True)
    unit = fields.String(metadata={"example": "mm[Hg]"})


class BmiSchema(Schema):
    """The body mass index that a weight gives with the last height."""

    code = fields.String(metadata={"example": BMI})
    value = fields.Float(metadata={"example": 24.2})
    unit = fields.String(metadata={"example": "kg/m2"})
    computed = fields.Boolean(metadata={"example": True})
    derived_from = fields.List(fields.UUID())


class VitalViewSchema(Schema):
    """A measurement; one that was computed has no id, and says what from."""

    id = fields.UUID(allow_none=True)
    patient_id = fields.UUID()
    visit_id = fields.UUID(allow_none=True)
    code = fields.String(metadata={"example": "29463-7"})
    name = fields.String(metadata={"example": "Body weight"})
    value = fields.Float(allow_none=True, metadata={"example": 70.5})
    unit = fields.String(metadata={"example": "kg"})
    components = fields.List(fields.Nested(VitalPartSchema))
    position = fields.String(allow_none=True)
    note = fields.String(allow_none=True)
    source = fields.String(metadata={"example": "clinic"})
    computed = fields.Boolean()
    derived_from = fields.List(fields.UUID())
    measured_at = fields.DateTime()
    entered_in_error = fields.Boolean()
    bmi = fields.Nested(BmiSchema, allow_none=True)


class VitalPage(Listing):
    items = fields.List(fields.Nested(VitalViewSchema))


class RecordedVitalsSchema(Schema):
    items = fields.List(fields.Nested(VitalViewSchema))


class VitalPointSchema(Schema):
    id = fields.UUID(allow_none=True)
    at = fields.DateTime()
    value = fields.Float(allow_none=True)
    components = fields.List(fields.Nested(VitalPartSchema))
    own = fields.Boolean(metadata={"description": "The patient measured this"})
    computed = fields.Boolean()
    position = fields.String(allow_none=True)
    reported = fields.Dict(metadata={"example": {"value": 155, "unit": "[lb_av]"}})


class VitalTrendSchema(Schema):
    """A vital sign over time, the oldest first, in one unit."""

    code = fields.String(metadata={"example": "29463-7"})
    name = fields.String(metadata={"example": "Body weight"})
    unit = fields.String(allow_none=True, metadata={"example": "kg"})
    points = fields.List(fields.Nested(VitalPointSchema))
    more = fields.Boolean(metadata={"description": "Older ones were left out"})
    sources = fields.List(fields.String())


class AddProblemSchema(Strict):
    patient_id = fields.UUID(required=True)
    code_system = fields.Enum(CodeSystem, by_value=True, load_default=CodeSystem.ICD_10_CM)
    code = text_field(18, metadata={"example": "I10"})
    text = text_field(200, metadata={"example": "Essential hypertension"})
    status = fields.Enum(ProblemStatus, by_value=True, load_default=ProblemStatus.ACTIVE)
    onset_on = day_field(OF_THE_PAST, load_default=None, allow_none=True)
    resolved_on = day_field(OF_THE_PAST, load_default=None, allow_none=True)
    note = note_field(1000)
    visit_id = fields.UUID(
        load_default=None,
        allow_none=True,
        metadata={"description": "At which visit it was found: it is as confidential as that"},
    )

    @validates_schema
    def _consistent(self, data: dict[str, Any], **_kwargs: Any) -> None:
        check = DIAGNOSIS if data["code_system"] == CodeSystem.ICD_10_CM else SNOMED
        try:
            check(data["code"])
        except ValidationError as error:
            raise ValidationError(error.messages, "code") from None
        if data["status"] == ProblemStatus.ENTERED_IN_ERROR:
            raise ValidationError("A new problem is not entered in error.", "status")
        if data["resolved_on"] is not None and data["status"] != ProblemStatus.RESOLVED:
            raise ValidationError("Only what is resolved has such a day.", "resolved_on")

    @post_load
    def _command(self, data: dict[str, Any], **_kwargs: Any) -> AddProblem:
        return AddProblem(**data)


class ChangeProblemSchema(Strict):
    """What is to be changed; what is not named stays."""

    text = text_field(200, required=False, metadata={"example": "Essential hypertension"})
    status = fields.String(validate=validate.OneOf(_STATUSES), metadata={"example": "resolved"})
    onset_on = day_field(OF_THE_PAST, allow_none=True)
    resolved_on = day_field(OF_THE_PAST, allow_none=True)
    note = prose_field(1000, required=False, allow_none=True)
    reason = text_field(
        300,
        required=False,
        metadata={"description": "Why it is changed", "example": "No medicine for a year"},
    )

    @validates_schema
    def _something(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data.keys() - {"reason"}:
            raise ValidationError("Name at least one member to change.")


class ProblemsQuery(PageQuery):
    """Query string of the problem list."""

    status = fields.String(
        load_default=None,
        validate=validate.OneOf(["open", *(sorted(value.value for value in PROBLEM.every))]),
        metadata={"description": "A status, or `open` for those that are not resolved"},
    )
    patient_id = fields.UUID(load_default=None, metadata=WHOSE)


class ProblemRecorderSchema(Schema):
    id = fields.UUID()
    name = fields.String(metadata={"example": "Dr. Ines Okafor"})


class ProblemViewSchema(Schema):
    """A problem as lists show it."""

    id = fields.UUID()
    patient_id = fields.UUID()
    visit_id = fields.UUID(allow_none=True)
    code_system = fields.String(metadata={"example": "icd_10_cm"})
    code = fields.String(metadata={"example": "I10"})
    text = fields.String(metadata={"example": "Essential hypertension"})
    status = fields.String(metadata={"example": "active"})
    onset_on = fields.Date(allow_none=True)
    resolved_on = fields.Date(allow_none=True)
    note = fields.String(allow_none=True)
    recorded_by = fields.Nested(ProblemRecorderSchema)
    recorded_at = fields.DateTime()
    version = fields.Integer()


class ProblemVersionSchema(Schema):
    number = fields.Integer()
    text = fields.String(metadata={"example": "Essential hypertension"})
    status = fields.String(metadata={"example": "active"})
    onset_on = fields.Date(allow_none=True)
    resolved_on = fields.Date(allow_none=True)
    note = fields.String(allow_none=True)
    reason = fields.String(allow_none=True)
    at = fields.DateTime()
    written_by_name = fields.String(allow_none=True)


class FullProblemSchema(ProblemViewSchema):
    """A problem with everything that it was."""

    versions = fields.List(fields.Nested(ProblemVersionSchema))


class ProblemPage(Listing):
    items = fields.List(fields.Nested(ProblemViewSchema))
