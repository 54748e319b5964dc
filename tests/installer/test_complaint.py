"""What an engine's failure is told as."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest
from docker.errors import APIError, DockerException
from requests import Response
from urllib3.exceptions import ProtocolError

from installer.engines.complaint import words_of
from installer.engines.dockerapi import probe
from manifests.errors import EngineFailed


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (http.client.RemoteDisconnected("no response"), "the connection broke"),
        (ProtocolError("Response ended prematurely"), "the connection broke"),
        (BrokenPipeError(32, "Broken pipe"), "the connection broke"),
        (ConnectionRefusedError(111, "refused"), "nothing answers at its socket"),
        (PermissionError(13, "denied"), "this user may not use its socket"),
        (TimeoutError("read"), "it does not answer in time"),
    ],
)
def test_a_connection_is_told_of_in_words(cause: BaseException, words: str) -> None:
    error = DockerException(f"('Connection aborted.', {cause!r})")
    error.__cause__ = cause
    assert words_of(error) == words


def test_where_there_is_no_engine_the_socket_is_named_and_no_error_number(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none.sock"
    with pytest.raises(EngineFailed) as caught:
        probe(url)
    assert str(caught.value) == f"{url}: the engine can't be reached: there is no such socket"


def test_the_engines_own_explanation_is_what_is_told() -> None:
    answer = Response()
    answer.status_code = 500
    answer.url = "http+docker://localhost/v1.41/images/json"
    assert words_of(APIError("500 Server Error", answer, "disk on \x1b[31mfire")) == (
        "disk on \\x1b[31mfire"
    )


def test_what_is_not_known_is_told_as_it_is() -> None:
    assert words_of(DockerException("quota\nexceeded")) == "quota exceeded"


def test_a_file_that_is_missing_is_not_told_as_a_missing_socket() -> None:
    error = FileNotFoundError(2, "No such file or directory", "/media/usb/blob")
    assert words_of(error) == "[Errno 2] No such file or directory: '/media/usb/blob'"


def test_what_is_being_undone_is_not_told_as_the_engines_failure() -> None:
    error = DockerException("Expecting value")
    error.__context__ = TimeoutError("of something before")
    assert words_of(error) == "Expecting value"
