"""YAML files -> specs: places, defaults, matrix, references, and what is said of a file that is wrong."""

import pytest

from happyhorse_spec.spec import SpecError
from happyhorse_spec.spec_reader import read_specs
from happyhorse_spec.substitution import MAX_VARIANTS, Values

GOOD = "name: a\nprovider: dashscope\nrequest: {model: m}\n"


@pytest.fixture
def read(tmp_path):
    """A function that reads a text as a file, with values for its references."""

    def read(text, **values):
        path = tmp_path / "a.yaml"
        path.write_text(text, "utf-8")
        return read_specs([path], Values(**values))

    return read


@pytest.fixture
def faults(read):
    """A function that gives what is wrong with a text: `line:column: message`."""

    def faults(text, **values):
        with pytest.raises(SpecError) as caught:
            read(text, **values)
        return [str(fault).partition("a.yaml:")[2] for fault in caught.value.faults]

    return faults


def test_reads_every_member(read):
    (spec,) = read(
        "name: t\nprovider: dashscope\nsource: hh-t2v\ntags: [x]\nrequest: {model: m}\nheaders: {X-A: b, X-C: null}\n"
        "expect: {state: FAILED, within: 9, clip: {width: [1, 2]}, where: [{at: /a, equals: null}]}\n"
        "poll: {interval: 3}\n"
    )
    assert (spec.id, spec.law, spec.provider.name) == ("dashscope/t", "dashscope", "dashscope")
    assert (spec.tags, spec.sources, spec.interval) == (("x",), ("hh-t2v",), 3)
    assert (spec.body, spec.headers) == ({"model": "m"}, {"X-A": "b", "X-C": None})
    assert (spec.expect.state, spec.expect.within, spec.expect.clip) == ("failed", 9, {"width": [1, 2]})
    assert spec.expect.where[0].schema == {"const": None}


@pytest.mark.parametrize(
    ("expect", "state"),
    [
        pytest.param("", "succeeded", id="nothing"),
        pytest.param("expect: {accepted: true}", None, id="accepted"),
        pytest.param("expect: {accepted: true, clip: {fps: 24}}", "succeeded", id="accepted-and-clip"),
        pytest.param("expect: {rejected: {}}", None, id="rejected"),
        pytest.param("expect: {state: CANCELED}", "canceled", id="state"),
    ],
)
def test_expects_success_unless_told_otherwise(expect, state, read):
    assert read(GOOD + expect)[0].expect.state == state


def test_knows_line_and_column_of_every_member(read):
    (spec,) = read("# one\nname: t\nprovider: dashscope\nrequest:\n  input:\n    - {a: 1,\n       b: 2}\n")
    assert spec.place("/request/input/0/b")[1:] == (7, 11)
    assert spec.place("/request/input/0/b", key=True)[1:] == (7, 8)
    assert spec.place("/request/missing")[1:] == (5, 3)
    assert spec.place()[1:] == (2, 1)


def test_documents_are_specs(read):
    assert [spec.name for spec in read(f"{GOOD}---\n{GOOD.replace('name: a', 'name: b')}")] == ["a", "b"]


def test_defaults_are_merged_and_keep_their_place(read):
    text = (
        "defaults:\n  provider: dashscope\n  request: {model: m, parameters: {duration: 5, ratio: x}}\n  tags: [one]\n"
        "---\nname: a\nrequest: {parameters: {ratio: y}}\n---\nname: b\nprovider: imini\nrequest: [1]\n"
    )
    first, second = read(text)
    assert first.body == {"model": "m", "parameters": {"duration": 5, "ratio": "y"}}
    assert first.tags == ("one",)
    assert first.place("/request/parameters/duration")[1] == 3
    assert first.place("/request/parameters/ratio")[1] == 7
    assert first.place("/request/missing")[1] == 7
    assert (second.provider.name, second.body) == ("imini", [1])


def test_matrix_multiplies(read):
    specs = read(
        "name: a\nprovider: dashscope\nmatrix: {r: [720P, 1080P], n: [{d: 3, w: true}, {d: 5, w: false}]}\n"
        'request: {x: "${matrix.r}", y: "${matrix.n.d}", z: "${matrix.n.d} of ${matrix.r}", w: ["${matrix.n.w}"]}\n'
        'expect: {clip: {duration: "${matrix.n.d}"}}\n'
    )
    assert [spec.name for spec in specs] == [
        "a [720P, 3/true]",
        "a [720P, 5/false]",
        "a [1080P, 3/true]",
        "a [1080P, 5/false]",
    ]
    assert specs[3].body == {"x": "1080P", "y": 5, "z": "5 of 1080P", "w": [False]}
    assert specs[3].expect.clip == {"duration": 5}


def test_references_keep_types_and_can_be_quoted(read):
    (spec,) = read(
        "name: a\nprovider: dashscope\nrequest: ['${var.n}', 'n${var.n}', '${env.E}', '$${var.n}', '$5', '${open']\n",
        var={"n": 5},
        env={"E": "secret-value", "F": "other"},
    )
    assert spec.body == [5, "n5", "secret-value", "${var.n}", "$5", "${open"]
    assert spec.secrets == ("secret-value",)


def test_a_path_to_a_provider_starts_at_the_file(tmp_path, edited, monkeypatch):
    folder = edited("imini", "provider.yaml", lambda data: data.update(title="Mine"))
    monkeypatch.chdir("/")
    (tmp_path / "a.yaml").write_text("name: a\nprovider: ./imini\nrequest: {}\n", "utf-8")
    (spec,) = read_specs([tmp_path / "a.yaml"])
    assert (spec.provider.title, spec.law) == ("Mine", folder)


def test_reads_folders_in_order(tmp_path):
    for name in ("b/c.yml", "a.yaml", "b/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(GOOD.replace("name: a", f"name: {name[0]}"), "utf-8")
    assert [spec.name for spec in read_specs([tmp_path])] == ["a", "b"]


WRONG = {
    "key": ("nme: a\n" + GOOD, ["1:1: nme is not known here; it may be name, provider, source"]),
    "near-key": (GOOD + "reqest: 1\n", ["4:1: reqest is not known here", "Did you mean request?"]),
    "inner-key": (
        GOOD + "expect:\n  stat: x\n",
        ["5:3: expect.stat is not known here; it may be accepted, rejected"],
    ),
    "no-name": ("provider: dashscope\nrequest: 1\n", ["1:1: it has no name; it must have one"]),
    "no-request": (
        "name: a\nprovider: dashscope\n",
        ["1:1: it has no request; every spec has one, here or in"],
    ),
    "type": (GOOD + "expect: {within: soon}\n", ['4:18: expect.within is "soon"; it must be a number']),
    "pair": (GOOD + "expect: {clip: {width: [1]}}\n", ["4:24: expect.clip.width is [1]", "the least and the most"]),
    "only-value": (GOOD + "expect: {accepted: false}\n", ["4:20: expect.accepted is false; it must be true"]),
    "list": ("[1]\n", ["1:1: it is [1]; it must be a mapping"]),
    "provider": (GOOD.replace("scope", "scop"), ["2:11: there is no provider dashscop", "Did you mean dashscope?"]),
    "state": (GOOD + "expect: {state: SUCEEDED}\n", ["4:17: expect.state is", "Did you mean SUCCEEDED?"]),
    "passing-state": (GOOD + "expect: {state: RUNNING}\n", ["4:17: expect.state", "it must be SUCCEEDED, FAILED"]),
    "rule": (
        GOOD + "expect: {rejected: {rule: dashscope.t2v.parameters.duration.minimun}}\n",
        ["4:27: dashscope has no rule", "Did you mean dashscope.t2v.parameters.duration.minimum?"],
    ),
    "advice-is-no-rejection": (
        GOOD + "expect: {rejected: {rule: dashscope.t2v.input.prompt.maxPromptUnits}}\n",
        ["that rejects"],
    ),
    "both": (
        GOOD + "expect: {rejected: {}, state: FAILED}\n",
        ["4:24: expect.state does not go together with rejected"],
    ),
    "condition": (GOOD + "expect: {where: [{at: /a}]}\n", ["4:18: expect.where[0]", "one of equals, matches, schema"]),
    "pointer": (GOOD + "expect: {where: [{at: a, equals: 1}]}\n", ["4:23: expect.where[0].at", "/usage/SR"]),
    "regex": (GOOD + "expect: {where: [{at: /a, matches: '('}]}\n", ["4:36: expect.where[0].matches"]),
    "schema": (GOOD + "expect: {where: [{at: /a, schema: {type: 5}}]}\n", ["4:42: expect.where[0].schema.type"]),
    "header": (GOOD + 'headers: {X-A: "a\\nb"}\n', ["4:16: headers.X-A"]),
    "header-end": (
        GOOD + "headers:\n  X-A: |\n    b\n",
        ['5:8: headers.X-A is "b\\n"', "The value, on one line, or null"],
    ),
    "name-end": (GOOD.replace("name: a", 'name: "a\\n"'), ['1:7: name is "a\\n"']),
    "defaults-late": (f"{GOOD}---\ndefaults: {{}}\n", ["5:1: defaults stand in the first document"]),
    "defaults-mixed": ("defaults: {}\n" + GOOD, ["1:1: defaults stand alone in the first document"]),
    "defaults-key": ("defaults: {nam: 1}\n", ["1:12: defaults.nam is not known here"]),
    "reference": (GOOD.replace("m}", "'${matrx.x}'}"), ["3:18: ${matrx.x} is not known; write ${matrix.NAME}"]),
    "no-matrix": (GOOD.replace("m}", "'${matrix.x}'}"), ["3:18: the matrix has no x; there is none"]),
    "no-var": (GOOD.replace("m}", "'${var.x}'}"), ["3:18: ${var.x} has no value; add --var x=VALUE"]),
    "no-env": (GOOD.replace("m}", "'${env.X}'}"), ["3:18: the environment variable X is not set"]),
    "filled-type": (
        GOOD + "matrix: {w: [1, soon]}\nexpect: {within: '${matrix.w}'}\n",
        ['5:18: expect.within is "soon"; it must be a number'],
    ),
    "many": (f"{GOOD}matrix: {{a: {[*range(40)]}, b: {[*range(40)]}}}\n", [f"more than {MAX_VARIANTS} variants"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_says_what_is_wrong_and_where(name, faults):
    text, expected = WRONG[name]
    (fault,) = faults(text)
    for part in expected:
        assert part in fault


def test_reports_all_faults_in_order(faults):
    found = faults(f"{GOOD}requst: 1\ntags: x\n---\nname: b\nprovider: nobody\nrequest: 1\n---\n{GOOD}")
    assert [fault.split(": ")[0] for fault in found] == ["4:1", "5:7", "8:11"]


def test_an_environment_of_bytes_is_refused(faults):
    (fault,) = faults(GOOD.replace("m}", "'${env.X}'}"), env={"X": "\udcff"})
    assert "the environment variable X is not text in UTF-8" in fault


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "it is empty", id="empty"),
        pytest.param(b"\xff\xfa\x00", "it is not text in UTF-8", id="binary"),
        pytest.param(b"a: 1\na: 2\n", "the key 'a' appears twice", id="twice"),
        pytest.param(b"a: .nan\n", "not finite", id="nan"),
        pytest.param(b"a: " + b"[" * 200 + b"]" * 200, "the nesting is deeper", id="deep"),
    ],
)
def test_text_that_is_no_yaml_is_a_fault(content, message, tmp_path):
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read_specs([tmp_path / "a.yaml"])
    assert message in str(caught.value)


def test_a_folder_without_specs_is_a_fault(tmp_path):
    with pytest.raises(SpecError, match=r"the folder holds no \.yaml file"):
        read_specs([tmp_path])
