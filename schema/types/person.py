"""A natural person: what registered people, house members and applicants have in common."""

from datetime import date

import strawberry
from strawberry.utils.str_converters import to_snake_case

from gateway.context import Info
from gateway.normalise.field import personal_paths
from gateway.normalise.person import Person as PersonRecord
from gateway.normalise.vocabulary import PiiKind, PoliticalStatus, Sex
from schema.types.data_issue import DataIssue, data_issues
from schema.types.fields import free_text, masked_names, pii, plain

PERSONAL = {to_snake_case(name): name for name in personal_paths(PersonRecord)}
"""Attribute and public name of every field of a person that is personal data."""

TEXTS = {"nation": "nation", "job_name": "jobName", "company_name": "companyName"}
"""The same of those that people fill in as they like."""


@strawberry.interface(description="A natural person (自然人).")
class Person:
    name: str | None = pii(PiiKind.NAME, "Name (姓名).", "name")
    phone: str | None = pii(PiiKind.PHONE, "Phone number (手机号码).", "phone")
    sex: Sex | None = plain("Sex (性别).")
    nation: str | None = free_text("Ethnic group, as the platform writes it (民族).", "nation")
    birth_date: date | None = pii(PiiKind.BIRTH, "Date of birth, in China (出生日期).", "birth_date")
    registered_address: str | None = pii(
        PiiKind.ADDRESS, "Address of the household register (户籍地址).", "registered_address"
    )
    id_card: str | None = pii(PiiKind.ID_CARD, "Number of the identity card; may end in X (身份证号).", "id_card")
    photo: str | None = pii(PiiKind.PHOTO, "Portrait: an address, as the platform sent it (头像).", "photo")
    political_status: PoliticalStatus | None = pii(
        PiiKind.SENSITIVE_STATUS, "Political status (政治面貌).", "political_status"
    )
    is_veteran: bool | None = pii(PiiKind.SENSITIVE_STATUS, "Whether a veteran (退役军人).", "is_veteran")
    receives_subsistence_allowance: bool | None = pii(
        PiiKind.SENSITIVE_STATUS, "Whether on subsistence allowance (低保).", "receives_subsistence_allowance"
    )
    is_petitioner: bool | None = pii(PiiKind.SENSITIVE_STATUS, "Whether known as a petitioner (上访).", "is_petitioner")
    job_name: str | None = free_text("Occupation (工作).", "job_name")
    company_name: str | None = free_text("Employer (公司).", "company_name")
    data_issues: list[DataIssue] = data_issues()

    @strawberry.field(
        description="Names of the fields that are masked or withheld from this caller: what is null here and not named "
        "is absent (脱敏字段)."
    )
    def masked_fields(root: strawberry.Parent[PersonRecord], info: Info) -> list[str]:
        return masked_names(root, PERSONAL, info, TEXTS)
