"""The authorisation matrix: one line an operation, one column for each who asks, the expected statuses.

It is compared with the OpenAPI both ways, so an operation that is not decided here fails, as does a line
about none. `things` are ada's: her note, her picture, her token; an invite is the administrator's.
"""

ASKERS = {
    "nobody": "nobody in particular",
    "other": "a session of another account",
    "owner": "a session of ada, whose things they are",
    "reads": "a token of ada's that may only read",
    "writes": "a token of ada's that may write",
    "expired": "a token of ada's that is over",
    "revoked": "a token of ada's that she took back",
    "out": "a session of an account that has been disabled since",
    "out-tok": "a token of that account",
    "admin": "a session of an administrator, who has things of their own alone",
    "link": "a link that shares ada's note",
    "site": "the browser of ada, led by a page of another site",
    "open": "anybody, of the things of an open notebook",
}

# An operation whose line ends without a figure for `open` would not be in the table.
TABLE = """
operation            nobody other owner reads writes expired revoked out out-tok admin link site open

create_note             401   201   201   403    201     401     401 401     401   201  401  403  201
list_notes              401   200   200   200    200     401     401 401     401   200  401  200  200
read_note               401   404   200   200    200     401     401 401     401   404  401  200  200
replace_note            401   404   200   403    200     401     401 401     401   404  401  403  200
delete_note             401   404   204   403    204     401     401 401     401   404  401  403  204
restore_note            401   404   200   403    200     401     401 401     401   404  401  403  200

create_picture          401   201   200   403    200     401     401 401     401   201  401  403  200
read_picture            401   404   200   200    200     401     401 401     401   404  401  200  200
head_picture            401   404   200   200    200     401     401 401     401   404  401  200  200

create_share            401   404   201   403    201     401     401 401     401   404  401  403  201
list_shares             401   404   200   200    200     401     401 401     401   404  401  200  200
revoke_share            401   404   204   403    204     401     401 401     401   404  401  403  204
read_shared_note        404   404   404   404    404     404     404 404     404   404  200  404  404
read_shared_picture     404   404   404   404    404     404     404 404     404   404  200  404  404
head_shared_picture     404   404   404   404    404     404     404 404     404   404  200  404  404

read_session            200   200   200   200    200     200     200 200     200   200  200  200  200
sign_in                 201   201   201   201    201     201     201 401     401   201  201  403  404
sign_out                204   204   204   204    204     204     204 204     204   204  204  403  404
list_sessions           401   200   200   403    403     401     401 401     401   200  401  200  404
sign_out_everywhere     401   204   204   403    403     401     401 401     401   204  401  403  404
revoke_session          401   404   204   403    403     401     401 401     401   404  401  403  404

list_tokens             401   200   200   403    403     401     401 401     401   200  401  200  404
create_token            401   201   201   403    403     401     401 401     401   201  401  403  404
revoke_token            401   404   204   403    403     401     401 401     401   404  401  403  404

read_account            401   200   200   200    200     401     401 401     401   200  401  200  404
export_account          401   200   200   200    200     401     401 401     401   200  401  200  404
change_password         401   204   204   403    403     401     401 401     401   204  401  403  404
delete_account          401   204   204   403    403     401     401 401     401   204  401  403  404
set_up                  409   409   409   409    409     409     409 409     409   409  409  403  404
sign_up                 201   201   201   201    201     201     201 201     201   201  201  403  404

start_sign_on           302   302   302   302    302     302     302 302     302   302  302  302  404
begin_sign_on           201   201   201   201    201     201     201 201     201   201  201  403  404
finish_sign_on          302   302   302   302    302     302     302 302     302   302  302  302  404
begin_link              401   201   201   403    403     401     401 401     401   201  401  403  404
unlink_identity         401   404   204   403    403     401     401 401     401   404  401  403  404

list_users              401   403   403   403    403     401     401 401     401   200  401  403  404
change_user             401   403   403   403    403     401     401 401     401   200  401  403  404
delete_user             401   403   403   403    403     401     401 401     401   204  401  403  404
restore_user            401   403   403   403    403     401     401 401     401   200  401  403  404
list_invites            401   403   403   403    403     401     401 401     401   200  401  403  404
create_invite           401   403   403   403    403     401     401 401     401   201  401  403  404
revoke_invite           401   403   403   403    403     401     401 401     401   204  401  403  404

livez                   200   200   200   200    200     200     200 200     200   200  200  200  200
readyz                  200   200   200   200    200     200     200 200     200   200  200  200  200
"""


def expected() -> dict[str, dict[str, int]]:
    """The statuses by operation and asker."""
    header, *lines = (line.split() for line in TABLE.splitlines() if line)
    assert header[1:] == list(ASKERS)
    rows = {name: dict(zip(ASKERS, map(int, statuses), strict=True)) for name, *statuses in lines}
    assert len(rows) == len(lines), "a line stands twice in the table"
    return rows
