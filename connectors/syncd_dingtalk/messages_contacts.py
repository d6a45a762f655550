"""What the DingTalk connector can tell a person about external contacts. A table; it does nothing. The words are those of
`messages`."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

NO_CONTACT: Final = message(
    "DNG-090",
    what="{label}: DingTalk has no such external contact; somebody may have deleted it.",
    do="Nothing, if the contact shall be there: the next full look at DingTalk finds it missing and makes it again.",
    example="A sales colleague tidied up the external contacts by hand.",
)
CONTACT_TAKEN: Final = message(
    "DNG-091",
    what="DingTalk has an external contact with the mobile number of {label} already ({code}).",
    do="Let the rules adopt it (`adopt: [mobile]` under `contact`) and run `syncd plan --fresh`, or delete what is there.",
    example='{"errcode": 22005}',
)
BAD_CONTACT: Final = message(
    "DNG-092",
    what="DingTalk does not accept the external contact {label} ({code}).",
    do="Look at the number and the labels. Where every contact is refused, see in the console whether external contacts are "
    "switched on, and that no field of them beyond DingTalk's own is mandatory.",
    example='{"errcode": 60204}',
)
NO_LABEL: Final = message(
    "DNG-093",
    what="{label}: {why}.",
    do="Make the label in DingTalk's console (external contacts, labels), or correct `labels` under `contact` in the rules.",
    example="The rules say Partner, and the console has a label Partners.",
)
NO_FOLLOWER: Final = message(
    "DNG-094",
    what="{label}: the colleague who follows the contact has no account in DingTalk ({code}).",
    do="Nothing, if they are about to get one: it is tried again. Otherwise let `follower` under `contact` name somebody "
    "who is there.",
    example='{"errcode": 60121}',
)
