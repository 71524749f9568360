"""The language of `when`: CEL (cel.dev), read and typed here before the evaluator ever sees it.

The evaluator compiles anything that parses and meets unknown names and wrong types only while it runs. So this file
reads the same grammar, gives every part a type, and says with its offset what cannot be. What passed is also bounded:
no nesting that could overflow a stack, no macro in a macro in a macro, and regular expressions apart, for RE2.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

DEEPEST = 40
"""Nested brackets and operators. The evaluator recurses, and a stack that overflows ends the process."""

MOST_MACROS = 2
"""`exists` and its kind inside each other: each multiplies the work by the length of a list."""


@dataclass(frozen=True, slots=True)
class Type:
    """A type of CEL. `inner` is what a list holds; `fields` what an object has."""

    name: str
    inner: Type | None = None
    fields: Mapping[str, Type] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"list of {self.inner}" if self.inner else self.name


BOOL, INT, DOUBLE, STRING = Type("bool"), Type("int"), Type("double"), Type("string")
TIMESTAMP, DURATION, ANY = Type("timestamp"), Type("duration"), Type("any")
NUMBERS = frozenset({"int", "double"})


def list_of(inner: Type) -> Type:
    """A list of things of one type."""
    return Type("list", inner)


class ConditionError(ValueError):
    """What is wrong with a condition, and at which offset of its text."""

    def __init__(self, offset: int, sentence: str) -> None:
        super().__init__(sentence)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression of a condition: the fact it reads, and the stretch of the source that asks for it."""

    fact: str
    regex: str
    start: int
    end: int
    regex_at: int


@dataclass(frozen=True, slots=True)
class Choice:
    """`comment.links.exists(l, l.domain == "x")`: a predicate over a list fact, so that one can tell which matched."""

    fact: str
    variable: str
    predicate: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that is sound. `facts` are the dotted names it reads."""

    source: str
    facts: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    choices: tuple[Choice, ...]


def read(source: str, facts: Mapping[str, Type]) -> Condition:
    """`source` as a condition over `facts` (name of a top-level object, or of a bare fact, to its type). Raises
    ConditionError for the first thing that cannot be."""
    reader = _Reader(source, facts)
    found = reader.expression(0)
    token = reader.peek
    if token.kind != "end":
        raise ConditionError(token.at, f"{token.text!r} does not belong here")
    if found.type not in (BOOL, ANY):
        raise ConditionError(0, f"a condition is true or false, and this is of type {found.type}")
    return Condition(source, tuple(sorted(reader.read)), tuple(reader.patterns), tuple(reader.choices))


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Part(NamedTuple):
    """A part of an expression: its type, its stretch of the source, and the fact or the literal it is, if any."""

    type: Type
    start: int
    end: int
    path: str = ""
    literal: str | None = None


_TOKENS = re.compile(
    r"""(?P<blank>[ \t\r\n\f]+|//[^\n]*)
    |(?P<number>0x[0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
    |(?P<string>[rR]?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop",
    "namespace", "null", "package", "return", "true", "var", "void", "while",
})  # fmt: skip


def _tokens(source: str) -> Iterator[_Token]:
    at = 0
    while at < len(source):
        found = _TOKENS.match(source, at)
        if found is None:
            what = "a text without its end" if source[at] in "\"'" else f"{source[at]!r} means nothing here"
            raise ConditionError(at, what)
        kind = found.lastgroup or ""
        if kind != "blank":
            yield _Token(kind, found[0], at)
        at = found.end()
    yield _Token("end", "", len(source))


class _Reader:
    """Reads by precedence, typing as it goes. `scope` holds the variables of macros."""

    def __init__(self, source: str, facts: Mapping[str, Type]) -> None:
        self.source = source
        self.facts = facts
        self.tokens = list(_tokens(source))
        self.at = 0
        self.depth = 0
        self.scope: dict[str, Type] = {}
        self.read: set[str] = set()
        self.patterns: list[Pattern] = []
        self.choices: list[Choice] = []

    @property
    def peek(self) -> _Token:
        return self.tokens[self.at]

    def next(self) -> _Token:
        token = self.tokens[self.at]
        self.at += token.kind != "end"
        return token

    def take(self, sign: str) -> bool:
        if self.peek.kind == "sign" and self.peek.text == sign:
            self.at += 1
            return True
        return False

    def expect(self, sign: str) -> _Token:
        token = self.peek
        if not self.take(sign):
            found = repr(token.text) if token.text else "the end"
            raise ConditionError(token.at, f"expected {sign!r}, and found {found}")
        return token

    @property
    def end(self) -> int:
        """Where the last token ended."""
        token = self.tokens[self.at - 1]
        return token.at + len(token.text)

    # precedence, loosest first

    def expression(self, floor: int) -> _Part:
        """A ternary, or binary operators that bind at least as tightly as `floor`."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise ConditionError(self.peek.at, f"nested more than {DEEPEST} deep")
        left = self.unary()
        while (binding := self._binding()) and binding >= max(floor, 1):
            operator = self.next()
            right = self.expression(binding + 1)
            left = _Part(_result(operator, left, right), left.start, right.end)
        if floor == 0 and self.take("?"):
            _want(left, BOOL, "before ?")
            yes = self.expression(1)
            self.expect(":")
            no = self.expression(0)
            if not _same(yes.type, no.type):
                raise ConditionError(no.start, f"both ends of ?: are of one type, not {yes.type} and {no.type}")
            left = _Part(yes.type, left.start, no.end)
        self.depth -= 1
        return left

    def _binding(self) -> int:
        token = self.peek
        if token.kind == "name":
            return 3 if token.text == "in" else 0
        return _BINDING.get(token.text, 0) if token.kind == "sign" else 0

    def unary(self) -> _Part:
        token = self.peek
        if token.kind == "sign" and token.text in ("!", "-"):
            self.next()
            self.depth += 1
            if self.depth > DEEPEST:
                raise ConditionError(token.at, f"nested more than {DEEPEST} deep")
            part = self.unary()
            self.depth -= 1
            if token.text == "!":
                _want(part, BOOL, "after !")
            elif part.type.name not in (*NUMBERS, "any"):
                raise ConditionError(part.start, f"a number belongs after -, not a {part.type}")
            return _Part(part.type, token.at, part.end)
        return self.member()

    def member(self) -> _Part:
        part = self.primary()
        while True:
            if self.take("."):
                token = self.next()
                if token.kind != "name":
                    raise ConditionError(token.at, "a name belongs after the dot")
                if self.peek.text == "(" and self.peek.kind == "sign":
                    part = self.method(part, token)
                else:
                    part = self.select(part, token)
            elif self.take("["):
                part = self.index(part)
            else:
                return part

    def select(self, part: _Part, token: _Token) -> _Part:
        fields = part.type.fields
        if token.text not in fields:
            if not fields:
                raise ConditionError(token.at, f"a {part.type} has no {token.text!r}")
            name = part.path or "this"
            raise ConditionError(token.at, _unknown(token.text, fields, f"{name} has no {token.text!r}"))
        path = f"{part.path}.{token.text}" if part.path else ""
        if path:
            self.read.add(path)
        return _Part(fields[token.text], part.start, self.end, path)

    def index(self, part: _Part) -> _Part:
        key = self.expression(0)
        self.expect("]")
        if part.type.name != "list":
            raise ConditionError(part.start, f"only a list has numbered entries, and this is a {part.type}")
        _want(key, INT, "in brackets")
        return _Part(part.type.inner or ANY, part.start, self.end)

    def primary(self) -> _Part:
        token = self.next()
        if token.kind == "number":
            return _Part(_number(token), token.at, self.end)
        if token.kind == "string":
            return _Part(STRING, token.at, self.end, literal=_plain(token))
        if token.kind == "sign" and token.text == "(":
            part = self.expression(0)
            self.expect(")")
            return _Part(part.type, token.at, self.end, part.path, part.literal)
        if token.kind == "sign" and token.text == "[":
            return self.listed(token)
        if token.kind == "name":
            return self.named(token)
        found = f"{token.text!r} does not belong here" if token.text else "the condition ends too early"
        raise ConditionError(token.at, found)

    def listed(self, opened: _Token) -> _Part:
        inner: Type | None = None
        while not self.take("]"):
            part = self.expression(0)
            if inner is not None and not _same(inner, part.type):
                raise ConditionError(part.start, f"a list holds one type, not {inner} and {part.type}")
            inner = inner or part.type
            if not self.take(","):
                self.expect("]")
                break
        return _Part(list_of(inner or ANY), opened.at, self.end)

    def named(self, token: _Token) -> _Part:
        if token.text in ("true", "false"):
            return _Part(BOOL, token.at, self.end)
        if token.text == "null":
            raise ConditionError(token.at, "no fact is ever null; docs/rules.md says what stands for nothing")
        if self.peek.kind == "sign" and self.peek.text == "(":
            return self.function(token)
        if token.text in self.scope:
            return _Part(self.scope[token.text], token.at, self.end)
        if token.text in self.facts:
            found = self.facts[token.text]
            if not found.fields:
                self.read.add(token.text)
            elif self.peek.text != ".":
                what = f"{token.text} is no value of its own; name one of its facts, such as "
                raise ConditionError(token.at, what + f"{token.text}.{next(iter(found.fields))}")
            return _Part(found, token.at, self.end, token.text)
        raise ConditionError(token.at, _unknown(token.text, self.facts, f"there is no fact {token.text!r}"))

    # functions, methods and macros

    def arguments(self) -> list[_Part]:
        self.expect("(")
        given: list[_Part] = []
        while not self.take(")"):
            given.append(self.expression(0))
            if not self.take(","):
                self.expect(")")
                break
        return given

    def function(self, token: _Token) -> _Part:
        if token.text == "has":
            raise ConditionError(token.at, "every fact always has a value, so has() is not needed")
        given = self.arguments()
        for parameters, result in _FUNCTIONS.get(token.text, ()):
            if _fits([part.type for part in given], parameters):
                return _Part(result, token.at, self.end)
        if token.text in _FUNCTIONS:
            raise ConditionError(token.at, f"{token.text}() does not take {_told(given)}")
        raise ConditionError(token.at, _unknown(token.text, _FUNCTIONS, f"there is no function {token.text}()"))

    def method(self, part: _Part, token: _Token) -> _Part:
        if token.text in _MACROS:
            return self.macro(part, token)
        given = self.arguments()
        if token.text == "matches":
            return self.matches(part, token, given)
        for owner, parameters, result in _METHODS.get(token.text, ()):
            if part.type.name == owner and _fits([each.type for each in given], parameters):
                return _Part(result, part.start, self.end)
        if token.text in _METHODS:
            raise ConditionError(token.at, f"a {part.type} has no {token.text}() that takes {_told(given)}")
        known = [*_METHODS, *_MACROS, "matches"]
        raise ConditionError(token.at, _unknown(token.text, known, f"there is no function {token.text}()"))

    def matches(self, part: _Part, token: _Token, given: list[_Part]) -> _Part:
        """All regular expressions run together, before the conditions; so both ends must be known beforehand."""
        if not part.path or part.type is not STRING:
            raise ConditionError(part.start, "matches() looks at a text such as comment.body, and nothing else")
        if len(given) != 1 or given[0].literal is None:
            raise ConditionError(token.at, 'matches() takes one regular expression in quotes, such as r"\\bwin\\b"')
        self.patterns.append(Pattern(part.path, given[0].literal, part.start, self.end, given[0].start))
        return _Part(BOOL, part.start, self.end)

    def macro(self, part: _Part, token: _Token) -> _Part:
        if part.type.name != "list":
            raise ConditionError(token.at, f"{token.text}() looks through a list, and this is a {part.type}")
        if len(self.scope) == MOST_MACROS:
            raise ConditionError(token.at, f"more than {MOST_MACROS} of {', '.join(_MACROS)} inside each other")
        self.expect("(")
        variable = self.next()
        if variable.kind != "name" or variable.text in _RESERVED or variable.text.startswith("_"):
            raise ConditionError(variable.at, "a name for each entry belongs here, as in links.exists(l, …)")
        if variable.text in self.scope or variable.text in self.facts:
            raise ConditionError(variable.at, f"{variable.text!r} is taken; choose another name")
        self.expect(",")
        self.scope[variable.text] = part.type.inner or ANY
        body = self.expression(0)
        del self.scope[variable.text]
        self.expect(")")
        result, wants_bool = _MACROS[token.text]
        if wants_bool:
            _want(body, BOOL, f"in {token.text}()")
        if part.path and wants_bool and not self.scope:
            self.choices.append(Choice(part.path, variable.text, (body.start, body.end)))
        return _Part(result(part.type, body.type), part.start, self.end)


_BINDING = {
    **dict.fromkeys(("||",), 1),
    **dict.fromkeys(("&&",), 2),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}
_Signature = tuple[tuple[str, ...], Type]
_FUNCTIONS: Mapping[str, tuple[_Signature, ...]] = {
    "size": ((("string",), INT), (("list",), INT)),
    "int": ((("int",), INT), (("double",), INT), (("string",), INT)),
    "double": ((("int",), DOUBLE), (("double",), DOUBLE), (("string",), DOUBLE)),
    "string": ((("int",), STRING), (("double",), STRING), (("string",), STRING)),
    "timestamp": ((("string",), TIMESTAMP),),
    "duration": ((("string",), DURATION),),
}
_METHODS: Mapping[str, tuple[tuple[str, tuple[str, ...], Type], ...]] = {
    "size": (("string", (), INT), ("list", (), INT)),
    "contains": (("string", ("string",), BOOL),),
    "startsWith": (("string", ("string",), BOOL),),
    "endsWith": (("string", ("string",), BOOL),),
}
_MACROS: Mapping[str, tuple[Callable[[Type, Type], Type], bool]] = {
    "exists": (lambda of, body: BOOL, True),
    "all": (lambda of, body: BOOL, True),
    "exists_one": (lambda of, body: BOOL, True),
    "filter": (lambda of, body: of, True),
    "map": (lambda of, body: list_of(body), False),
}


def _result(operator: _Token, left: _Part, right: _Part) -> Type:
    """The type of `left operator right`. Raises ConditionError where there is none."""
    sign, one, two = operator.text, left.type, right.type
    for part in (left, right):
        whole = part.type.inner or part.type
        if whole.fields and sign != "+":
            what = f"a {whole} is never compared as a whole, but by what it has: .{next(iter(whole.fields))}"
            raise ConditionError(part.start, what)
    if sign in ("&&", "||"):
        _want(left, BOOL, f"before {sign}")
        _want(right, BOOL, f"after {sign}")
        return BOOL
    if sign == "in":
        if two.name == "list" and (two.inner is None or _comparable(one, two.inner)):
            return BOOL
        raise ConditionError(operator.at, f"a {one} cannot be in a {two}")
    if sign in ("==", "!="):
        if _comparable(one, two):
            return BOOL
    elif sign in ("<", "<=", ">", ">="):
        if _comparable(one, two) and one.name not in ("list", "object", "bool"):
            return BOOL
    elif (found := _ARITHMETIC.get((one.name, sign, two.name))) is not None:
        return one if found.name == "list" else found
    mixed = {one.name, two.name} == NUMBERS and sign in "+-*/%"
    advice = "; write double(…) around the whole number, or 2.0 for 2" if mixed else ""
    raise ConditionError(operator.at, f"{sign} does not go between a {one} and a {two}{advice}")


_ARITHMETIC: Mapping[tuple[str, str, str], Type] = {
    **{("int", sign, "int"): INT for sign in "+-*/%"},
    **{("double", sign, "double"): DOUBLE for sign in "+-*/"},
    ("string", "+", "string"): STRING,
    ("list", "+", "list"): list_of(ANY),
    ("timestamp", "-", "timestamp"): DURATION,
    ("timestamp", "-", "duration"): TIMESTAMP,
    ("timestamp", "+", "duration"): TIMESTAMP,
    ("duration", "+", "duration"): DURATION,
    ("duration", "-", "duration"): DURATION,
}


def _same(one: Type, two: Type) -> bool:
    if ANY in (one, two):
        return True
    if one.name == two.name == "list":
        return _same(one.inner or ANY, two.inner or ANY)
    return one.name == two.name


def _comparable(one: Type, two: Type) -> bool:
    return _same(one, two) or {one.name, two.name} <= NUMBERS


def _want(part: _Part, wanted: Type, where: str) -> None:
    if not _same(part.type, wanted):
        raise ConditionError(part.start, f"a {wanted} belongs {where}, not a {part.type}")


def _fits(given: list[Type], parameters: tuple[str, ...]) -> bool:
    return len(given) == len(parameters) and all(
        each.name in (name, "any") for each, name in zip(given, parameters, strict=True)
    )


def _told(given: list[_Part]) -> str:
    return ", ".join(str(part.type) for part in given) or "nothing"


def _unknown(name: str, known: Mapping[str, object] | list[str], sentence: str) -> str:
    near = difflib.get_close_matches(name, list(known), 3)
    return f"{sentence}; did you mean {' or '.join(near)}?" if near else sentence


def _number(token: _Token) -> Type:
    text = token.text.lower()
    if text.endswith("u"):
        raise ConditionError(token.at, f"write {token.text[:-1]}: facts are plain numbers")
    if not text.startswith("0x") and ("." in text or "e" in text):
        return DOUBLE
    if int(text, 0 if text.startswith("0x") else 10) >= 2**63:
        raise ConditionError(token.at, "a number that is too large")
    return INT


_ESCAPE = re.compile(r"\\(?:([abfnrtv\\?\"'`])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|)")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def _plain(token: _Token) -> str:
    """The text a literal stands for."""
    text = token.text
    is_raw = text[0] in "rR"
    text = text[is_raw:]
    quotes = 3 if text[:3] in ('"""', "'''") else 1
    text = text[quotes:-quotes]
    if is_raw:
        return text

    def replaced(found: re.Match[str]) -> str:
        if found[1]:
            return _SIMPLE.get(found[1], found[1])
        code = int(found[5], 8) if found[5] else int(found[2] or found[3] or found[4] or "-1", 16)
        if code < 0 or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            at = token.at + quotes + found.start()
            raise ConditionError(at, 'no such escape; a regular expression is best written r"…"')
        return chr(code)

    return _ESCAPE.sub(replaced, text)
