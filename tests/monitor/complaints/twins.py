"""Twins of the complaint interfaces on loopback: they take exactly the documented fields and refuse all others."""

import json

import jsonschema
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

TOKEN = "the-members-token"

# developer.ebay.com: ReportItemDetails; required and limits as told there
VERO_REPORT = {
    "type": "object",
    "required": ["reportItems"],
    "additionalProperties": False,
    "properties": {
        "reportItems": {
            "type": "array",
            "minItems": 1,
            "maxItems": 150,
            "items": {
                "type": "object",
                "required": ["itemId", "veroReasonCodeId"],
                "additionalProperties": False,
                "properties": {
                    "itemId": {"type": "string", "minLength": 1},
                    "veroReasonCodeId": {"type": "string", "pattern": r"^\d{4}$"},
                    "brand": {"type": "string", "maxLength": 50},
                    "messageToSeller": {"type": "string", "maxLength": 1000},
                    "detailedMessage": {"type": "string", "maxLength": 1000},
                    "patent": {"type": "string", "maxLength": 15},
                    "countries": {"type": "array", "items": {"type": "string", "pattern": "^[A-Z]{2}$"}},
                    "regions": {"type": "array", "items": {"type": "string"}},
                    "copyEmailToRightsOwner": {"type": "boolean"},
                },
                "allOf": [
                    {
                        "if": {"properties": {"veroReasonCodeId": {"enum": ["9052", "7052"]}}},
                        "then": {"required": ["detailedMessage"]},
                    },
                    {
                        "if": {"properties": {"veroReasonCodeId": {"const": "9048"}}},
                        "then": {"required": ["patent"]},
                    },
                    {
                        "if": {"properties": {"veroReasonCodeId": {"const": "9037"}}},
                        "then": {"required": ["countries"]},
                    },
                ],
            },
        }
    },
}
# developers.mercadolivre.com.br/membros-do-programa; picture ids where the text of 6 May 2026 makes them mandatory
DENOUNCE = {
    "type": "object",
    "required": ["report_reason_id", "comment"],
    "additionalProperties": False,
    "properties": {
        "report_reason_id": {"type": "string", "pattern": r"^PPPI\d{1,2}$"},
        "comment": {"type": "string", "minLength": 1},
        "photos_denounced": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": r"^\d+-ML[A-Z]\d+_\d+$"},
        },
    },
    "if": {"properties": {"report_reason_id": {"enum": ["PPPI4", "PPPI6", "PPPI7", "PPPI17"]}}},
    "then": {"required": ["photos_denounced"]},
    "else": {"not": {"required": ["photos_denounced"]}},
}
ANSWER = {
    "oneOf": [
        {
            "type": "object",
            "required": ["documentation_approved", "member_quittance"],
            "additionalProperties": False,
            "properties": {"documentation_approved": {"const": "true"}, "member_quittance": {"type": "null"}},
        },
        {
            "type": "object",
            "required": ["documentation_approved", "member_quittance", "reject_member_id"],
            "additionalProperties": False,
            "properties": {
                "documentation_approved": {"const": "false"},
                "member_quittance": {"type": "string", "minLength": 1},
                "reject_member_id": {"enum": ["1", "2", "3"]},
            },
        },
    ]
}


class Twins:
    """``reports`` and ``denounced`` are what was taken in; ``lose`` answers that never arrive are lost first."""

    def __init__(self):
        self.reports, self.denounced, self.answers, self.seen = [], {}, [], []
        self.status, self.due, self.items, self.lose = "CREATED", None, {}, 0
        self.app = Starlette(
            routes=[
                Route("/vero/vero_reason_code", self._reasons),
                Route("/vero/vero_report", self._report, methods=["POST"]),
                Route("/vero/vero_report_items", self._items),
                Route("/vero/vero_report/{id}", self._status),
                Route("/ml/moderations/pppi/denounces/{site}/ITM/options", self._options),
                Route("/ml/moderations/pppi/denounces/items/{item}", self._denounce, methods=["POST"]),
                Route("/ml/moderations/pppi/case/{id}", self._case, methods=["GET", "POST"]),
            ]
        )

    async def _taken(self, request, schema, headers=()):
        """The body if it is what the documents say, else the refusal."""
        self.seen.append((request.method, request.url.path, dict(request.query_params)))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return None, JSONResponse({"message": "invalid access token"}, 401)
        for name in headers:
            if not request.headers.get(name):
                return None, JSONResponse({"message": f"{name} is missing"}, 400)
        if schema is None:
            return {}, None
        if request.headers.get("content-type") != "application/json":
            return None, JSONResponse({"message": "content-type"}, 415)
        body = json.loads(await request.body())
        try:
            jsonschema.validate(body, schema)
        except jsonschema.ValidationError as error:
            return None, JSONResponse({"message": error.message}, 400)
        return body, None

    def _lost(self):
        self.lose -= 1
        return self.lose >= 0

    async def _reasons(self, request):
        _, refusal = await self._taken(request, None, ["x-ebay-c-marketplace-id"])
        codes = [{"veroReasonCodeId": "9037", "description": "Importation"}]
        return refusal or JSONResponse({"veroReasonCodes": codes})

    async def _report(self, request):
        body, refusal = await self._taken(request, VERO_REPORT, ["x-ebay-c-marketplace-id"])
        if refusal:
            return refusal
        self.reports.append(body)
        self.items |= {one["itemId"]: {"status": "RECEIVED"} for one in body["reportItems"]}
        if self._lost():
            return JSONResponse({}, 500)
        return JSONResponse({"veroReportId": f"R{len(self.reports)}", "veroReportStatus": "RECEIVED"}, 201)

    async def _items(self, request):
        _, refusal = await self._taken(request, None)
        item = request.query_params.get("itemId")
        found = [{"itemId": item, **self.items[item]}] if item in self.items else []
        return refusal or JSONResponse({"reportedItemDetails": found})

    async def _status(self, request):
        _, refusal = await self._taken(request, None)
        whole = {"veroReportId": request.path_params["id"], "veroReportStatus": "PROCESSED"}
        if request.query_params.get("includeItemDetails") == "true":
            whole["reportedItemDetails"] = [{"itemId": item, **facts} for item, facts in self.items.items()]
        return refusal or JSONResponse(whole)

    async def _options(self, request):
        _, refusal = await self._taken(request, None)
        reason = {"id": "PPPI17", "group": "COPYRIGHT", "type": "Publication", "description_en": "Other work"}
        return refusal or JSONResponse([reason | {"site": request.path_params["site"]}])

    async def _denounce(self, request):
        body, refusal = await self._taken(request, DENOUNCE)
        if refusal:
            return refusal
        number = 37072543 + len(self.denounced)
        self.denounced[number] = (request.path_params["item"], body)
        return JSONResponse({}, 500) if self._lost() else JSONResponse({"status": 201, "denounce_id": number}, 201)

    async def _case(self, request):
        posted = request.method == "POST"
        body, refusal = await self._taken(request, ANSWER if posted else None)
        if refusal:
            return refusal
        if posted:
            if self.status != "DOCUMENTATION_PRESENTED":
                return JSONResponse({"message": "not now"}, 400)
            self.answers.append(body)
            approved = body["documentation_approved"] == "true"
            self.status = "DOCUMENTATION_APPROVED" if approved else "DOCUMENTATION_NOT_APPROVED"
            return JSONResponse({"status": 200})
        item = self.denounced[int(request.path_params["id"])][0]
        case = {"case_id": request.path_params["id"], "current_status": self.status, "due_date": self.due}
        return JSONResponse(case | {"reason_text": "", "item_info": {"item_id": item, "title": "x"}})
