"""JSON of attachments."""

from typing import Any

from sqlalchemy import Row

from portal.attachments.states import AttachmentStatus


def attachment_view(row: Row[Any]) -> dict[str, Any]:
    """An attachment; `content` is where its content is, once it is clean."""
    clean = row.status == AttachmentStatus.CLEAN
    return {
        "id": row.id,
        "patient_id": row.patient_id,
        "name": row.name,
        "content_type": row.content_type,
        "size": row.size,
        "sha256": bytes(row.digest).hex(),
        "status": row.status,
        "status_at": row.status_at,
        "created_at": row.created_at,
        "uploaded_by": {
            "kind": row.uploader_kind,
            # Of other delegates than themselves, delegates learn nothing.
            "id": row.uploader_id if row.uploader_name is not None else None,
            "name": row.uploader_name,
        },
        "attached_to": None if row.to_id is None else {"kind": row.to_kind, "id": row.to_id},
        "content": f"/api/v1/attachments/{row.id}/content" if clean else None,
    }
