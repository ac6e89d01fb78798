"""What is asked for of each model: its fields by name, and none of the large texts.

Without a `select` the set of fields varies from tenant to tenant; with descriptions and transcripts
in it a page of conversations has hundreds of megabytes, or fewer rows than it should.
"""

from include.planhat.models import MOVING_FIELDS, Model

# Beside the fields with a type (`models.py`); never one of `MOVING_FIELDS`, but for the last.
_MORE = {
    "company": "orgPath orgLevel headId csmScore phaseSince hProfile arr renewalArr renewalMrr"
    " lastTouchType sentimentScore followers collaborators web city country createDate",
    "enduser": "otherEmails personas npsUnsubscribed nps npsDate experience createDate",
    "license": "arr renewalArr renewalMrr length renewalUnit noticeUnit renewalDate isOverdue"
    " invoiceCycle parent",
    "churn": "churnDate reasons products value arr currency onlyDowngrade sourceId",
    "nps": "source",
    "conversation": "userIds assigneeName isCustomType sourceId",
    "task": "doneBy users endusers repeat activityTags isArchived externalId sourceId",
    "ticket": "externalId",
    "issue": "arrCombined companies endusers externalId",
    "opportunity": "companyName",
    "campaign": "name type status startDate endDate externalId sourceId",
    "objective": "name health externalId sourceId",
    "workspace": "name externalId sourceId",
    "user": "teams managers removed isHidden sourceId",
}


def selected(model: Model) -> tuple[str, ...]:
    """The fields of a model that are asked for; `_id` always comes. Empty: all of them."""
    if model.is_custom:
        return ()
    names = dict.fromkeys(
        (*model.fields, *_MORE.get(model.name, "").split(), "custom", "createdAt", "updatedAt")
    )
    return tuple(name for name in names if name == "updatedAt" or name not in MOVING_FIELDS)


def select_of(model: Model) -> str:
    """The value of `select`."""
    return ",".join(selected(model)) or "ALL"
