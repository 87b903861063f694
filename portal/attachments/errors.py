"""What can go wrong with an attachment."""

from portal.core.errors import (
    Conflict,
    FieldError,
    Gone,
    Invalid,
    Malformed,
    NotFound,
    Unavailable,
)

_SEND = "Send a PDF, a JPEG, PNG, GIF, WebP or HEIC image, or plain text."


class AttachmentNotFound(NotFound):
    code = "attachment_not_found"
    detail = "There is no such attachment that you may see. Check its id."


class UploadCutOff(Malformed):
    code = "upload_cut_off"
    detail = "The upload ended before its end; nothing was kept. Send the file again."


class ContentRefused(Invalid):
    """A file that is not kept; `/content` says why and what to do."""

    code = "content_refused"
    detail = _SEND

    def __init__(self, detail: str | None = None) -> None:
        said = detail or type(self).detail
        super().__init__(said, errors=[FieldError("/content", said)])


class EmptyFile(ContentRefused):
    code = "empty_file"
    detail = "The file is empty. Choose the file again, and check that it opens."


class TypeNotAllowed(ContentRefused):
    """What the content is goes by its bytes; its name and declared type change nothing."""

    code = "type_not_allowed"


class TypeDiffers(ContentRefused):
    code = "type_differs"


class SeveralTypes(ContentRefused):
    """One file that passes for two kinds: an image that is an archive as well."""

    code = "several_types"


class TooManyPixels(ContentRefused):
    """A few bytes of a picture may unpack to more than a reader's memory holds."""

    code = "too_many_pixels"


class DamagedFile(ContentRefused):
    code = "damaged_file"


class NameRefused(Invalid):
    code = "name_refused"
    detail = (
        "Name the file: Content-Disposition: attachment; filename*=UTF-8''name, percent-encoded."
    )

    def __init__(self) -> None:
        super().__init__(errors=[FieldError("/filename", self.detail)])


class TooManyUnused(Conflict):
    code = "too_many_unused"
    detail = (
        "You have uploaded many files that are part of nothing yet. Send them with what they "
        "belong to, or try again tomorrow: what is not used within a day is deleted."
    )


class StorageAway(Unavailable):
    code = "storage_away"
    detail = "The place where files are kept can't be used for the moment. Try again shortly."


class AttachmentQuarantined(Conflict):
    code = "attachment_quarantined"
    detail = "This file is still being checked for viruses. Try again in a moment."


class AttachmentUnscannable(Conflict):
    code = "attachment_unscannable"
    detail = (
        "This file could not be checked for viruses and is kept back. Somebody has been asked to "
        "look into it; or send it again in another form."
    )


class AttachmentInfected(Gone):
    code = "attachment_infected"
    detail = "A virus was found in this file, and it was deleted."


class AttachmentInUse(Conflict):
    code = "attachment_in_use"
    detail = "This file is part of something that was sent, and stays with it."


class AttachmentUnusable(Invalid):
    """An upload that can't become part of this; each pointer names one."""

    code = "attachment_unusable"
