import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from email import policy
from email.header import Header as EmailHeader
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core import secrets
from estafeta_core.config.accounts import Account, Defaults
from estafeta_core.config.accounts import Credential as Settings
from estafeta_core.dialects import sparkpost
from estafeta_core.dialects.base import UserName
from estafeta_core.dialects.sparkpost import SPARKPOST
from estafeta_core.directory import Credential, Directory
from estafeta_core.headers import Header
from estafeta_core.options import Addressee, Options
from estafeta_core.refusal import Refusal
from estafeta_testing.cost import at_most

_KEY = secrets.hash_key(secrets.generate_key())
_ACCOUNT = Account(account="acme", dialect="sparkpost", credentials={"main": Settings(key=_KEY)})
CREDENTIAL = Directory([_ACCOUNT]).credentials()[0]


def read(*values: bytes | str) -> Options | Refusal:
    """Return what a message with these X-MSYS-API headers asks for."""
    encoded = [value.encode() if isinstance(value, str) else value for value in values]
    fields = [Header("From", b"a@acme.example"), *(Header("X-MSYS-API", value) for value in encoded)]
    return SPARKPOST.options(fields, CREDENTIAL)


def asked(value: bytes | str | dict[str, Any]) -> Options:
    """Return what this header asks for; it has to be taken."""
    options = read(json.dumps(value) if isinstance(value, dict) else value)
    assert isinstance(options, Options), options
    return options


def refused(value: bytes | str | dict[str, Any]) -> str:
    """Return the reply to this header; it has to be refused."""
    refusal = read(json.dumps(value) if isinstance(value, dict) else value)
    assert isinstance(refusal, Refusal), refusal
    return str(refusal)


NOTHING = Options(initial_open_pixel=True)  # with open tracking, SparkPost adds a pixel at the top as well
NOT_JSON = "550 5.6.0 JSON parsing error in X-MSYS-API"


# Logging in


@pytest.mark.parametrize(
    ("username", "subaccount"),
    [("SMTP_Injection", None), ("SMTP_Injection:X-MSYS-SUBACCOUNT=123", "123")],
)
def test_s5_s11_the_documented_user_names_are_read(username: str, subaccount: str | None) -> None:
    assert SPARKPOST.parse_username(username) == UserName("SMTP_Injection", subaccount)


@pytest.mark.parametrize(
    "username",
    [
        "",
        "smtp_injection",
        "SMTP_INJECTION",
        " SMTP_Injection",
        "SMTP_Injection\n",
        "SMTP_Injection:",
        "SMTP_Injection:X-MSYS-SUBACCOUNT=",
        "SMTP_Injection:x-msys-subaccount=123",
        "SMTP_Injection:X-MSYS-SUBACCOUNT=1/2",
        "SMTP_Injection:X-MSYS-SUBACCOUNT=1 2",
        "SMTP_Injection:X-MSYS-SUBACCOUNT=../x",
        "SMTP_Injection:X-MSYS-SUBACCOUNT=" + "1" * 65,
        "SMTP_Injection:X-MSYS-OTHER=1",
        "apikey",
    ],
)
def test_other_user_names_are_not_ours(username: str) -> None:
    assert SPARKPOST.parse_username(username) is None


# Without a header


def test_s30_s31_without_a_header_the_accounts_defaults_hold(
    make_credential: Callable[..., Credential],
) -> None:
    options = SPARKPOST.options([Header("To", b"x")], make_credential())
    assert options == NOTHING
    defaults = Defaults(open_tracking=True, click_tracking=True, transactional=True, return_path="keep")
    options = SPARKPOST.options([], make_credential(defaults))
    assert options == replace(
        NOTHING, open_tracking=True, click_tracking=True, transactional=True, return_path="keep"
    )


def test_s32_the_header_beats_the_account_and_says_nothing_of_the_rest(
    make_credential: Callable[..., Credential],
) -> None:
    credential = make_credential(Defaults(open_tracking=True, click_tracking=True, initial_open_pixel=False))
    header = Header("X-MSYS-API", b'{"options": {"open_tracking": false, "transactional": true}}')
    options = SPARKPOST.options([header], credential)
    expected = Options(click_tracking=True, transactional=True, initial_open_pixel=False)
    assert options == expected


# The provider's own examples


def test_s22_the_first_example_lacks_commas_and_is_refused() -> None:
    example = """{
  "campaign_id": "my_campaign",
  "bcc": [
    { "email": "bcc_recip_1@gmail.com", "name": "BCC 1" }
    { "email": "bcc_recip_2@gmail.com", "name": "BCC 2" }
  ]
}"""
    assert refused(example) == NOT_JSON


def test_s22_the_examples_with_a_trailing_comma_or_without_a_comma_between_keys_are_refused() -> None:
    assert refused('{"cc": ["a@corp.com"], "options": {"click_tracking": true},\n}') == NOT_JSON
    assert refused('{"cc": [{"email": "a@gmail.com"}]\n\n "bcc": []}') == NOT_JSON


def test_s14_everything_documented_is_read() -> None:
    header = {
        "campaign_id": "my_campaign",
        "metadata": {"has_pets": True, "pet_name": "Spot"},
        "tags": ["cat", "dog"],
        "cc": [],
        "options": {
            "open_tracking": True,
            "click_tracking": True,
            "transactional": True,
            "skip_suppression": True,
            "inline_css": False,
        },
    }
    assert asked(header) == replace(
        NOTHING,
        campaign_id="my_campaign",
        metadata={"has_pets": True, "pet_name": "Spot"},
        tags=("cat", "dog"),
        open_tracking=True,
        click_tracking=True,
        transactional=True,
        skip_suppression=True,
    )


@pytest.mark.parametrize("name", ["X-MSYS-API", "x-msys-api", "X-Msys-Api "])
def test_s13_the_name_is_taken_in_any_spelling(name: str) -> None:
    options = SPARKPOST.options([Header(name, b'{"campaign_id": "a"}')], CREDENTIAL)
    assert isinstance(options, Options)
    assert options.campaign_id == "a"


def test_s24_the_folded_example_reads_as_if_on_one_line() -> None:
    folded = (
        '{"options" : {"open_tracking" : false, "click_tracking" : true},\n'
        '   "metadata" : {"has_pets" : true, "pet_name": "Spot" }, "tags" : ["cat",\r\n'
        '\t"dog"], "campaign_id" : "my_campaign"}'
    )
    options = asked(folded)
    assert options.tags == ("cat", "dog")
    assert options.campaign_id == "my_campaign"


@pytest.mark.parametrize("fold", ["\n   ", "\r\n   ", "\n\t", "\r\n \t "])
def test_s25_a_fold_inside_a_string_becomes_one_space(fold: str) -> None:
    value = '{"options" : {"open_tracking" : false }, "campaign_id" : "my_awes' + fold + 'ome_campaign" }'
    assert asked(value).campaign_id == "my_awes ome_campaign"


# What is refused


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "null",
        "{",
        "{'a': 1}",
        '{"a": 1,}',
        '{"a": NaN}',
        '{"a": 1e999}',
        "{} {}",
        "hello",
        "{" * 30_000,
    ],
)
def test_s21_what_is_not_json_is_refused(value: str) -> None:
    assert refused(value) == NOT_JSON


@pytest.mark.parametrize("value", ["[]", "1", '"a"', "true", '[{"campaign_id": "a"}]'])
def test_json_that_is_no_object_is_refused(value: str) -> None:
    assert refused(value) == "550 5.6.0 X-MSYS-API must be of type 'json object'"


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("metadata", "json object"),
        ("options", "json object"),
        ("tags", "json array"),
        ("cc", "json array"),
        ("bcc", "json array"),
        ("archive", "json array"),
        ("campaign_id", "json string"),
    ],
)
def test_s18_s19_a_field_of_another_type_is_refused(field: str, kind: str) -> None:
    values: dict[str, Any] = {
        "json object": {},
        "json array": [],
        "json string": "",
        "number": 1,
        "null": None,
    }
    for value in (value for name, value in values.items() if name != kind):
        assert refused({field: value}) == f"550 5.6.0 X-MSYS-API '{field}' must be of type '{kind}'"


@pytest.mark.parametrize(
    "option", ["open_tracking", "click_tracking", "transactional", "skip_suppression", "inline_css"]
)
@pytest.mark.parametrize("value", ["true", 1, 0, None, [], {}])
def test_s19_switches_have_to_be_booleans(option: str, value: Any) -> None:
    said = f"550 5.6.0 X-MSYS-API '{option}' must be of type 'json boolean'"
    assert refused({"options": {option: value}}) == said


@pytest.mark.parametrize("option", ["ip_pool", "dkim_key"])
@pytest.mark.parametrize("value", [1, None, True, [], {}])
def test_s36_s38_pools_and_keys_have_to_be_strings(option: str, value: Any) -> None:
    said = f"550 5.6.0 X-MSYS-API '{option}' must be of type 'json string'"
    assert refused({"options": {option: value}}) == said


def test_s36_s37_s38_pool_key_and_inlining_are_what_the_message_says_or_nothing() -> None:
    header = {"options": {"ip_pool": "my_ip_pool", "dkim_key": "../x", "inline_css": True}}
    assert asked(header) == replace(NOTHING, ip_pool="my_ip_pool", dkim_key="../x", inline_css=True)
    assert asked({"options": {"ip_pool": "", "dkim_key": "", "inline_css": False}}) == NOTHING


def test_s28_a_second_header_is_refused() -> None:
    assert str(read("{}", "{}")) == "550 5.6.0 X-MSYS-API may be given only once"


@pytest.mark.parametrize(
    "value",
    [
        '{"campaign_id": "a", "campaign_id": "b"}',
        '{"options": {"transactional": true, "transactional": false}}',
        '{"metadata": {"a": 1, "a": 2}}',
        '{"cc": [{"email": "a@b.example", "email": "c@d.example"}]}',
        '{"metadata": {"=?utf-8?q?a?=": 1, "a": 2}}',
    ],
)
def test_d3_a_key_given_twice_where_keys_are_documented_is_refused(value: str) -> None:
    assert refused(value) == NOT_JSON


def test_d3_deeper_inside_metadata_the_last_one_holds() -> None:
    assert asked('{"metadata": {"k": {"a": 1, "a": 2}}}').metadata == {"k": {"a": 2}}


def test_s15_unknown_keys_and_options_are_ignored() -> None:
    header = {
        "substitution_data": {"a": "{{b}}"},
        "colour": None,
        "options": {"sandbox": "x", "start_time": 1},
    }
    assert asked(header) == NOTHING


# Limits


@pytest.mark.parametrize(
    ("campaign_id", "taken"),
    [("a" * 64, True), ("a" * 65, False), ("é" * 32, True), ("é" * 33, False), ("", True)],
)
def test_s16_a_campaign_id_has_at_most_64_bytes(campaign_id: str, taken: bool) -> None:
    if taken:
        assert asked({"campaign_id": campaign_id}).campaign_id == campaign_id
    else:
        said = "550 5.6.0 smtpapi_campaign_id context is limited to 64 bytes"
        assert refused({"campaign_id": campaign_id}) == said


def test_s16_bytes_are_counted_after_decoding() -> None:
    assert asked('{"campaign_id": "=?utf-8?q?' + "=61" * 64 + '?="}').campaign_id == "a" * 64


def test_s17_metadata_over_1000_bytes_is_taken_whole() -> None:
    metadata = {"key": "x" * 5000}
    assert asked({"metadata": metadata}).metadata == metadata
    assert SPARKPOST.event_metadata_limit == 1000


def test_s20_of_more_than_ten_tags_the_first_ten_count() -> None:
    tags = [f"tag {number}" for number in range(11)]
    assert asked({"tags": tags}).tags == tuple(tags[:10])


@pytest.mark.parametrize("tag", [1, None, True, [], {}])
def test_tags_have_to_be_strings(tag: Any) -> None:
    assert (
        refused({"tags": ["a", tag]}) == "550 5.6.0 X-MSYS-API 'tags' must hold values of type 'json string'"
    )


def test_s27_a_header_that_postfix_may_have_cut_says_so() -> None:
    whole = json.dumps({"cc": [{"email": f"a{n}@b.example", "name": f"Name {n}"} for n in range(1500)]})
    for length in (54_000, 59_447, 59_988):
        assert refused(whole[:length]).startswith(f"{NOT_JSON}: headers are cut at 60000 bytes")
    assert refused(whole[:53_999]) == NOT_JSON


def test_a_header_of_any_size_that_is_whole_is_taken() -> None:
    assert asked({"metadata": {"k": "x" * 59_000}}).metadata == {"k": "x" * 59_000}


# Copies


@pytest.mark.parametrize("name", ["cc", "bcc", "archive"])
@pytest.mark.parametrize(
    ("entry", "read_as"),
    [
        ("a@b.example", Addressee("a@b.example")),
        ({"email": "A@B.example"}, Addressee("A@B.example")),
        ({"email": "a@b.example", "name": "\u00c1"}, Addressee("a@b.example", "\u00c1")),
        ({"email": "a@b.example", "name": ""}, Addressee("a@b.example")),
        ({"email": "a@b\u00fccher.example"}, Addressee("a@b\u00fccher.example")),
        ({"email": "a@b.example", "header_to": 1, "x": {"y": None}}, Addressee("a@b.example")),
        ({"email": "a@b.example", "name": "x" * 1024}, Addressee("a@b.example", "x" * 1024)),
    ],
)
def test_s40_an_entry_is_an_address_or_an_object_with_one(name: str, entry: Any, read_as: Addressee) -> None:
    expected: dict[str, Any] = {name: (read_as,)}
    assert asked({name: [entry]}) == replace(NOTHING, **expected)
    assert asked({name: []}) == NOTHING


def test_s39_lists_are_read_in_their_order_and_nobody_is_left_out() -> None:
    header = {
        "cc": ["b@x.example", "a@x.example", "b@x.example"],
        "bcc": [{"email": "a@x.example"}],
        "archive": [],
    }
    found = asked(header)
    assert [each.email for each in found.cc] == header["cc"]
    assert (found.bcc, found.archive) == ((Addressee("a@x.example"),), ())


def test_a_word_in_a_name_is_read_and_one_in_an_address_is_no_address() -> None:
    word = "=?utf-8?Q?=C3=81?="
    assert asked({"cc": [{"email": "a@b.example", "name": word}]}).cc[0].name == "\u00c1"
    assert refused({"cc": ["=?utf-8?Q?a=0D=0Ab?=@b.example"]}).endswith("holds an invalid address (entry 1)")


@pytest.mark.parametrize("entry", [1, None, True, [], {}, {"name": "A"}, {"email": 1}, {"email": None}])
def test_s40_recipients_are_addresses_or_objects(entry: Any) -> None:
    assert (
        refused({"cc": ["a@b.example", entry]})
        == "550 5.6.0 X-MSYS-API 'cc' must hold addresses or objects with an 'email' (entry 2)"
    )


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "a@b", "A <a@b.example>", "a@b.example, c@d.example", "a@b.example\r\nBcc: c@d.example"),
        *(
            "a@b.example>\r\nRCPT TO:<c@d.example",
            "a@b.example> NOTIFY=NEVER",
            "a@b.example\u2028",
            "a@b.example ",
        ),
        *('"a"@b.example', "a@[192.0.2.1]", "a%c@b.example@d.example", "a@b.example\x00", "\u00e1@b.example"),
    ],
)
def test_d9_a_recipient_has_to_be_one_address(address: str) -> None:
    for entry in (address, {"email": address}):
        said = "550 5.6.0 X-MSYS-API 'bcc' holds an invalid address (entry 3)"
        assert refused({"bcc": ["a@b.example", "c@d.example", entry]}) == said


@pytest.mark.parametrize(
    "name", ["A\r\nBcc: x@y.example", "A\nB", "\x1b[31m", "a\x7f", "a\u2028b", "a\u2029b", "a\x85b"]
)
def test_d9_a_name_that_could_break_a_header_is_refused(name: str) -> None:
    entry = {"email": "a@b.example", "name": name}
    said = "550 5.6.0 X-MSYS-API 'archive' holds a name with control characters (entry 1)"
    assert refused({"archive": [entry]}) == said


def test_a_name_has_to_be_a_string() -> None:
    entry = {"email": "a@b.example", "name": 1}
    assert refused({"cc": [entry]}) == "550 5.6.0 X-MSYS-API 'name' must be of type 'json string'"


def test_s48_more_than_1000_recipients_are_refused_for_their_number() -> None:
    entries = ["a@b.example"] * 501
    said = "550 5.6.0 X-MSYS-API 'cc', 'bcc' and 'archive' are limited to 1000 recipients in total"
    assert refused({"cc": entries, "bcc": entries[:500]}) == said
    assert refused({"cc": entries[:400], "bcc": entries[:400], "archive": entries[:201]}) == said
    found = asked({"cc": entries[:400], "bcc": entries[:400], "archive": entries[:200]})
    assert [len(found.cc), len(found.bcc), len(found.archive)] == [400, 400, 200]


# Text outside ASCII


@pytest.mark.parametrize(
    "value",
    [
        '{"campaign_id": "caf\\u00e9"}',
        '{"campaign_id": "café"}',
        '{"campaign_id": "=?utf-8?q?caf=C3=A9?="}',
        '{"campaign_id": "=?iso-8859-1?b?Y2Fm6Q==?="}',
        '{"campaign_id": "=?utf-8?q?caf?=\n =?utf-8?q?=C3=A9?="}',
        "=?utf-8?b?eyJjYW1wYWlnbl9pZCI6ICJjYWbDqSJ9?=",
        "=?utf-8?b?eyJjYW1wYWlnbl9pZCI6?=\n =?utf-8?b?ICJjYWbDqSJ9?=",
        '{"campaign_id": =?utf-8?q?=22caf=C3=A9=22?=}',
    ],
)
def test_s26_text_may_be_escaped_or_encoded_or_plain_utf8(value: str) -> None:
    assert asked(value).campaign_id == "café"


def test_s26_words_are_decoded_in_tags_and_in_keys_and_values_of_metadata() -> None:
    options = asked('{"tags": ["=?utf-8?q?=C3=A9?="], "metadata": {"=?utf-8?q?a?=": ["=?utf-8?q?b?=", 1]}}')
    assert options.tags == ("é",)
    assert options.metadata == {"a": ["b", 1]}


def test_d8_a_word_inside_a_string_never_becomes_structure() -> None:
    word = "=?utf-8?q?a=22,_=22options=22:_{=22skip=5Fsuppression=22:_true}?="
    options = asked('{"campaign_id": "' + word + '"}')
    assert options == replace(NOTHING, campaign_id='a", "options": {"skip_suppression": true}')


def test_d8_words_are_decoded_once() -> None:
    twice = "=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?="
    assert asked('{"campaign_id": "' + twice + '"}').campaign_id == "=?utf-8?q?x?="
    whole = '{"campaign_id": =?utf-8?q?=22=3D=3Futf-8=3Fq=3Fx=3F=3D=22?=}'
    assert asked(whole).campaign_id == "=?utf-8?q?x?="


@pytest.mark.parametrize("value", [b'{"campaign_id": "caf\xe9"}', b"\xff\xfe{", b'{"a": "\xed\xa0\x80"}'])
def test_bytes_that_are_not_utf8_are_refused(value: bytes) -> None:
    assert refused(value) == "550 5.6.0 X-MSYS-API must be ASCII or UTF-8"


@pytest.mark.parametrize("value", ['{"metadata": {"a": "\\ud800"}}', '{"tags": ["=?utf-7?q?+2AA-?="]}'])
def test_d4_lone_surrogates_are_refused(value: str) -> None:
    assert refused(value) == NOT_JSON


def test_d4_nul_becomes_the_replacement_character_on_every_store() -> None:
    options = asked('{"campaign_id": "a\\u0000b", "metadata": {"\\u0000": "=?utf-8?q?=00?="}}')
    assert options.campaign_id == "a\ufffdb"
    assert options.metadata == {"\ufffd": "\ufffd"}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30))
def test_what_pythons_mail_library_encodes_is_read(text: str) -> None:
    header = {"metadata": {"k": text}, "tags": ["é"]}
    value = json.dumps(header, ensure_ascii=False)
    assert asked(EmailHeader(value, "utf-8").encode()).metadata["k"] == text


def test_a_header_folded_and_encoded_by_emailmessage_is_read() -> None:
    metadata = {"名前": "テスト " * 20, "x": "a b " * 40 + "é"}
    message = EmailMessage(policy=policy.SMTP)
    message["X-MSYS-API"] = json.dumps({"metadata": metadata}, ensure_ascii=False)
    value = message.as_bytes().partition(b": ")[2].removesuffix(b"\r\n\r\n")
    assert asked(value).metadata == metadata


# Hostile input


@given(st.binary(max_size=200) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused_with_a_permanent_error(value: bytes) -> None:
    found = read(value)
    assert isinstance(found, Options) or (found.code, found.status) == (550, "5.6.0")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
_FIELDS = st.sampled_from(["campaign_id", "metadata", "tags", "cc", "bcc", "archive", "options", "x"])


@given(st.dictionaries(_FIELDS, _JSON))
def test_any_object_is_read_or_refused_and_what_is_read_can_be_stored(header: dict[str, Any]) -> None:
    found = read(json.dumps(header))
    if isinstance(found, Options):
        json.dumps(
            [found.metadata, found.tags, found.campaign_id], ensure_ascii=False, allow_nan=False
        ).encode()
        assert len(found.campaign_id.encode()) <= 64
    else:
        assert found.text.isprintable()


def test_d1_a_hostile_header_is_answered_in_no_time() -> None:
    with at_most(1):
        for piece in (
            '{"a":',
            "[",
            '"\\ud800",',
            "=?utf-8?q?",
            "=?a?q?=?= ",
            "9",
            "\n ",
            '{"cc":["a@b.example"],',
        ):
            read(piece * (60_000 // len(piece)))


# Replies and structure


def test_s23_a_store_that_fails_is_answered_with_sparkposts_words() -> None:
    said = "421 4.3.3 [internal] smtpapi unable to generate unique transmission id"
    assert str(SPARKPOST.store_failed) == said


def test_s12_an_unverified_domain_is_answered_with_sparkposts_words() -> None:
    said = "550 5.7.1 Unconfigured Sending Domain <demo.example.com>"
    assert str(SPARKPOST.sender_refused("me@demo.example.com", _ACCOUNT)) == said


def test_s29_the_control_header_is_known_to_whoever_removes_it() -> None:
    assert SPARKPOST.control_headers == {"x-msys-api"}


@dataclass(frozen=True)
class Leaf:
    content_type: str
    children: tuple[()] = ()
    disposition: str = ""
    file_name: str = ""
    file_names: tuple[()] = ()
    doubt: str = ""


def test_s56_amp_needs_an_alternative() -> None:
    assert SPARKPOST.check_structure(Leaf("text/html"), _ACCOUNT) is None
    assert SPARKPOST.check_structure(Leaf("text/x-amp-html"), _ACCOUNT) is not None


def test_replies_fit_into_one_smtp_line() -> None:
    replies = [value for value in vars(sparkpost).values() if isinstance(value, Refusal)]
    assert len(replies) > 5
    assert all(len(str(reply)) < 510 and str(reply).isascii() and "%" not in reply.text for reply in replies)
