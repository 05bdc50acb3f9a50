"""What nobody has seen a real PowerSchool do: our guesses, here and nowhere else, so that one finding corrects one line.

Who measures another answer at a real district changes it here; the rest of the simulator asks this module. Two guesses have no
line, because no other answer is built: v1 passes over an expansion that does not exist, and a PowerQuery may use an ungranted
column in WHERE or JOIN, as only the columns that it gives are looked at.
"""

#: The token endpoint with a wrong or unknown id or secret, and with the credentials of a disabled plugin.
WRONG_CREDENTIALS = (401, {"error": "invalid_client"})
#: The token endpoint without `grant_type`, and with another one. As RFC 6749 has it.
NO_GRANT_TYPE = (400, {"error": "invalid_request"})
OTHER_GRANT_TYPE = (400, {"error": "unsupported_grant_type"})
#: How many tokens a plugin may ask for in a minute, while `token-throttle` is on.
TOKENS_A_MINUTE = 10

#: How a token that was never given out is spoken of; the words for one that ran out are known.
UNKNOWN_TOKEN = "The access token is invalid"  # noqa: S105

#: A request that comes too early does not begin a new window.
REFUSED_RESTARTS_WINDOW = False

#: v1: what an id that is not there is answered with.
V1_NOT_FOUND = "Resource not found"
V1_BAD_QUERY = "Invalid query: {}"
V1_PAGE_TOO_LARGE = "pagesize {} is larger than {}"
#: v1: the students of a school without `q` are the active ones.
SCHOOL_STUDENTS = "school_enrollment.enroll_status==A"
#: v1: what a list of sections calls its year.
SECTION_YEAR = "term.start_year"
#: XML to JSON: "1e5" and "5.0" stay text; "-1" becomes a number as "1" does; these two words become booleans.
NUMBER = r"0|-?[1-9][0-9]{0,17}"
BOOLEANS = {"true": True, "false": False}

#: PowerQuery: the words for a name that no enabled plugin has, and for GET.
QUERY_NOT_FOUND = "Query {} not found"
QUERY_BY_GET = "HTTP 405 Method Not Allowed"
#: PowerQuery: the words for what a caller did wrong.
MISSING_ARGUMENT = "Missing required argument"
BAD_ARGUMENT = "Invalid value for argument"
BAD_FILTER = "Invalid query filter"
BAD_ORDER = "Invalid order"
DATAVERSION_ALONE = "$dataversion and $dataversion_applicationname must be used together"
#: PowerQuery: `<@restricted_table …/>` stands where a condition stands; over the API it restricts nothing.
RESTRICTED_TABLE = "1=1"

#: Tables: what a table that no plugin may see, or that is not there, is answered with is known; for a view only the status is.
VIEW_REFUSED = "HTTP 405 Method Not Allowed"
#: Tables: `projection=*` gives the granted columns; the fault `star-refused` shows the other reading.
NO_PROJECTION = "A projection is required"

#: 429: the status is known, its words are not.
TOO_MANY = "Too many requests. Please wait {} seconds before the next request."

#: Plugins: children of `<plugin>` may stand in any order; `FullAccess` includes reading.
CHILDREN = frozenset(
    {
        *("oauth", "access_request", "cdn_request", "registration", "links", "openid", "saml"),
        *("autoinstall", "identityAttribute", "publisher"),
    }
)
#: Plugins: a plugin that asks for a column which stays closed to all cannot be enabled.
SECRET_COLUMN_REFUSED = True
#: Plugins: an update that is refused for unknown fields leaves the plugin that was there disabled. Measured once.
REFUSED_UPDATE_DISABLES = True
#: Tables: the one area that they are grouped in.
AREA = "core"
