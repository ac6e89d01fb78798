"""The models that are served: path, keys, fields. Written from what is publicly known of the API,
and not from what we read of it: so that a field which we misspell is one that it does not have.
"""

from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class Kind:
    """One model: `path` in the API, `word` in what it says, the fields that it has."""

    path: str
    word: str
    fields: frozenset[str]
    required: tuple[str, ...] = ()
    # `c` create, `u` update, `g` get, `l` list, `d` delete, `b` bulk
    methods: str = "cugldb"
    external_key: str = "externalId"
    company_key: str | None = "companyId"
    # a document with this true is not listed unless asked for
    hidden_by: str | None = None

    @property
    def is_company(self) -> bool:
        """Companies' external ids are unique everywhere, others' within their company."""
        return self.path == "companies"


# On every document. `custom` is the only place for fields that somebody made.
ALWAYS = _words("_id custom createdAt updatedAt __v sourceId externalId")

# Worked out by Planhat: a body that has them is not refused, and they stay what they are.
COMPUTED = _words(
    "_id createdAt updatedAt __v companyName domains h hDiff mrr mrrTotal arr arrTotal"
    " lastActive lastActiveTime beats beatsTotal beatTrend ownerName lastActivities"
)

_KINDS = (
    Kind(
        "companies", "Company",
        _words(
            "name owner coOwner phase status domains h hDiff hDiffDate hProfile orgPath orgLevel"
            " orgUnits orgMrr orgArr orgArrTotal headId sunits usage features csmScore csmScoreLog"
            " phaseSince daysInPhase customerFrom customerTo renewalDate mrr mrrTotal nrr30 arr"
            " renewalArr renewalMrr renewalDaysFromNow lastActive lastActiveTime lastTouch"
            " lastTouchTime lastTouchType lastTouchByType nextTouch nextTouchDate sentimentScore"
            " collaborators followers tags web city zip address country description createDate"
            " lastUpdated lastActivities"
        ),
        required=("name",), company_key=None,
    ),
    Kind(
        "endusers", "EndUser",
        _words(
            "email companyId companyName firstName lastName name position phone tags featured"
            " primary archived otherEmails emailMd5 personas npsUnsubscribed nps npsDate npsSent"
            " npsComment beats beatsTotal beatTrend convs14 convsTotal experience lastActive"
            " lastTouch lastTouchTime lastTouchByType lastActivities relatedEndusers usage"
            " relevance createDate lastUpdated"
        ),
        required=("companyId", "email"), hidden_by="archived",
    ),
    Kind(
        "users", "User",
        _words(
            "email nickName firstName lastName roles inactive teams managers permissions removed"
            " isHidden lastTouch7 lastTouch30 lastTouch90 nrOpenTasks nrOverDueTasks"
        ),
        required=("nickName",), company_key=None,
    ),
    Kind(
        "assets", "Asset",
        _words(
            "companyId companyName name serialNumber value _currency installDate status ownerId"
            " usage lastActive beats"
        ),
        required=("companyId", "name"),
    ),
    Kind(
        "projects", "Project",
        _words(
            "companyId companyName name currency startDate endDate mrr arr nrr status usage"
            " lastActive beats"
        ),
        required=("companyId", "name"),
    ),
    Kind(
        "licenses", "License",
        _words(
            "companyId companyName _currency fromDate toDate product fixedPeriod mrr value arr"
            " renewalArr renewalMrr renewalStatus autoRenews renewalPeriod noticePeriod fcNewArr"
            " fcNewMrr length renewalUnit noticeUnit toDateIncluded renewalDate"
            " renewalDaysFromNow isOverdue invoiceCycle invoiceCycleInterval invoicesGenerated"
            " invoiceMuted parent"
        ),
        required=("companyId", "_currency", "value"),
    ),
    Kind(
        "sales", "Sale",
        _words("companyId companyName _currency salesDate value product"),
        required=("companyId", "_currency", "salesDate", "value"),
    ),
    Kind(
        "invoices", "Invoice",
        _words(
            "currency cId cName extId invoiceDate dueDate paidDate invoiceNo amountTotal status"
            " emails lineItems invoiceCycle addressCountry"
        ),
        required=("cId", "currency"), external_key="extId", company_key="cId",
    ),
    Kind(
        "opportunities", "Opportunity",
        _words(
            "companyId companyName title salesStage dealDate closeDate _currency ownerId mrr arr"
            " nrr contractLength status"
        ),
        required=("companyId",),
    ),
    Kind(
        "churn", "Churn",
        _words(
            "companyId companyName isChurn churnReason createDate churnDate reasons products value"
            " arr currency comment description onlyDowngrade snoozed"
        ),
        required=("companyId",),
    ),
    Kind(
        "nps", "NPS",
        _words("cId email euId campaignId score comment source dateSent dateAnswered"),
        required=("email",), company_key="cId",
    ),
    Kind("campaigns", "Campaign", _words("companyId name type status startDate endDate")),
    Kind(
        "workflows", "Workflow",
        _words(
            "name type status owner companyId targetModel targetId targetName templateId startDate"
            " expectedEndDate expectedDays actualDays percentDone nextStartTime isArchived"
            " archiveDate openRate clickRate replyRate bounceRate endUserEmail"
        ),
        methods="gl",
    ),
    Kind(
        "conversations", "Conversation",
        _words(
            "subject companyId companyName type date users endusers userIds sender history"
            " activityTags archived timeBucket isSeen hasMore isCustomType assigneeName"
            " description snippet transcript waitsToBeFiltered numberOfRelevantParts"
            " hasAttachments"
        ),
        required=("companyId",),
    ),
    Kind(
        "tickets", "Ticket",
        _words(
            "companyId companyName email title description type severity product status timeSpent"
        ),
        required=("companyId", "sourceId", "email"), methods="lbd",
    ),
    Kind(
        "tasks", "Task",
        _words(
            "mainType companyId companyName action startTime endTime dateDone type ownerId status"
            " doneBy checklist snippet description users endusers noSpecificTime shared repeat"
            " repeatDays activityTags isArchived ownerName"
        ),
        required=("mainType",), hidden_by="isArchived",
    ),
    Kind(
        "issues", "Issue",
        _words(
            "title description companyIds enduserIds companies endusers conversationIds priority"
            " status mrrCombined arrCombined companyMatchingValue"
        ),
        required=("title",), company_key=None,
    ),
    Kind(
        "objectives", "Objective", _words("name health companyId companyName"),
        required=("companyId", "name"),
    ),
    Kind(
        "workspaces", "Workspace", _words("name companyId companyName"),
        required=("companyId", "name"),
    ),
    Kind(
        "customfields", "CustomField",
        _words("name parent type listValues isFeatured isLocked isHidden"),
        required=("name", "parent", "type"), methods="cugld", company_key=None,
    ),
)  # fmt: skip

KINDS = {kind.path: kind for kind in _KINDS}


def custom_model(path: str, word: str) -> Kind:
    """A model that a customer made: name, company, and their own fields."""
    return Kind(path, word, _words("name companyId companyName status"))
