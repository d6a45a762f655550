"""What the table source can tell people. It names files, rows and columns, and never the content of a cell."""

from __future__ import annotations

from typing import Final

from syncd.core.errors import message

# --- the file -------------------------------------------------------------------------------------------------------

MISSING: Final = message(
    "TAB-001",
    what="The file is not there.",
    do="Correct `path`, or put the export back; syncd looks again at the next run, and nobody is treated as gone.",
    example="sources:\n  hr:\n    type: table\n    path: no-such-file.csv",
)
UNREADABLE: Final = message(
    "TAB-002",
    what="The file cannot be opened: {reason}.",
    do="Give the account that runs syncd the right to read the file and to enter its folder.",
    example="chmod 000 company.csv",
)
EMPTY: Final = message(
    "TAB-003",
    what="The file is empty.",
    do="See whether the export has failed or is still being written; syncd looks again at the next run.",
    example=": > company.csv",
)
CHANGING: Final = message(
    "TAB-004",
    what="The file is being written while it is read.",
    do="Nothing, if this passes. Otherwise let the export write to another name and rename the file when it is whole.",
    example="cat export.csv > company.csv   # while syncd reads company.csv",
)
GUESSED_ENCODING: Final = message(
    "TAB-005",
    what="The text looks like {encoding} ({share} sure), but nothing in the file proves it.",
    do="Look at some names. If they are right, write `encoding: {encoding}`; better, save the file as UTF-8.",
    example="a CSV file that Excel on a Chinese Windows saved as “CSV” and not as “CSV UTF-8”",
)
UNDECODABLE: Final = message(
    "TAB-006",
    what="The text cannot be read as {encoding}: byte {position} of the file is not part of it.",
    do="Save the file as UTF-8 (in Excel: “CSV UTF-8”), or name its encoding with `encoding`.",
    example="sources:\n  hr:\n    type: table\n    path: windows-export.csv\n    encoding: utf-8",
)
GUESSED_DELIMITER: Final = message(
    "TAB-007",
    what="The columns seem to be separated by {delimiter}, but only {share} of the rows agree.",
    do="Write `delimiter` into the settings, and look at the rows that are named as too short or too long.",
    example="id;name\n1;Budi, S.Kom\n2;Siti;one too many",
)
MALFORMED: Final = message(
    "TAB-008",
    what="The row is not valid CSV: {reason}.",
    do='Quote the whole field and write each quotation mark inside it twice: "Ani ""Anna"" Wijaya".',
    example='1,"Ani "Anna" Wijaya",Jakarta',
)
CUT_OFF: Final = message(
    "TAB-009",
    what="The file ends inside a quoted field that began in this row or later, so its end is missing.",
    do="See whether the export was cut short; syncd looks again at the next run.",
    example='1,"Ani Wij',
)
HUGE_FIELD: Final = message(
    "TAB-010",
    what="A field is longer than {limit} characters; most often a quotation mark is not closed.",
    do="Look for a lone quotation mark in this row or above.",
    example='1,"Ani\n2,Budi\n… and so on for a thousand rows',
)

# --- the header -----------------------------------------------------------------------------------------------------

NO_HEADER: Final = message(
    "TAB-011",
    what="There is no header in row {row}.",
    do="Put the names of the columns there, or say with `header_row` where they are.",
    example="sources:\n  hr:\n    type: table\n    path: company.csv\n    header_row: 99",
)
SAME_HEADER: Final = message(
    "TAB-012",
    what="Two columns are called “{name}”: number {first} and number {second}.",
    do="Rename one of them; rules could not tell them apart.",
    example="id,name,name",
)
NO_KEY_COLUMN: Final = message(
    "TAB-013",
    what="There is no column “{key}”, which `key` names.{hint} The columns are: {columns}.",
    do="Correct `key`, or the header of the file.",
    example="sources:\n  hr:\n    type: table\n    path: company.csv\n    key: employe_id",
)
UNKNOWN_COLUMNS: Final = message(
    "TAB-014",
    what="The rules read columns that the file does not have: {columns}.",
    do="Correct the name in the rules or in the header. A column that is not there says nothing of anybody, so what it said "
    "before may be emptied; take out of the rules what your file never has.",
    example="title: {from: Job Titel}   # the header says Job Title",
)

# --- rows and cells -------------------------------------------------------------------------------------------------

NO_KEY: Final = message(
    "TAB-020",
    what="The row is left out: its “{key}” is empty.",
    do="Fill it in, or delete the row. Until then this file proves nobody gone.",
    example="id,name\n1,Budi\n,Siti",
)
SAME_KEY: Final = message(
    "TAB-021",
    what="The row is left out: row {other} has the same “{key}”.",
    do="Correct one of the two, or delete it. Until then both are left as they are, and this file proves nobody gone.",
    example="id,name\n1,Budi\n1,Siti",
)
WRONG_WIDTH: Final = message(
    "TAB-022",
    what="The row is left out: it has {found} fields, and the header has {expected}.",
    do="Quote fields that contain the delimiter, and fill up short rows. Until then this file proves nobody gone.",
    example="id,name,city\n1,Budi,S.Kom,Jakarta",
)
ERROR_CELL: Final = message(
    "TAB-023",
    what="The cell shows {error}; the value of “{column}” is left as it is.",
    do="Mend the formula, or replace it by its value.",
    example="=VLOOKUP(A2,Sheet2!A:B,2,FALSE)   shows #N/A",
)
LOST_DIGITS: Final = message(
    "TAB-024",
    what="The number has more than 15 digits, and Excel has lost the last ones; the value of “{column}” is left as it is.",
    do="Format the column as text, and enter the number again.",
    example="an identity card number typed into a cell that is not formatted as text",
)
NOT_CALCULATED: Final = message(
    "TAB-025",
    what="The formula has never been calculated; the value of “{column}” is left as it is.",
    do="Open the workbook in Excel or LibreOffice and save it, or let the export write values.",
    example="a workbook that a program wrote with formulas and without their results",
)
NAMELESS_COLUMN: Final = message(
    "TAB-026",
    what="Column {number} has values and no name in the header; it is not read.",
    do="Give it a name if rules need it.",
    example="id,name,\n1,Budi,Jakarta",
)
AND_MORE: Final = message(
    "TAB-029",
    what="{count} more rows or cells have problems that are not listed.",
    do="Mend the ones listed and look again.",
    example="a file with more than 200 bad rows",
)

# --- workbooks ------------------------------------------------------------------------------------------------------

OLD_OR_LOCKED: Final = message(
    "TAB-030",
    what="The workbook is in the old XLS format or protected by a password.",
    do="Save it as an Excel workbook (XLSX) without a password.",
    example="path: company.xls",
)
DAMAGED: Final = message(
    "TAB-031",
    what="The workbook cannot be read: {reason}.",
    do="See whether it is still being written or copied, and whether Excel can open it; syncd looks again at the next run.",
    example="head -c 5000 company.xlsx > cut.xlsx",
)
NO_SHEET: Final = message(
    "TAB-032",
    what="There is no sheet “{sheet}”. The sheets are: {sheets}.",
    do="Correct `sheet`, or leave it out to read the first one.",
    example="sources:\n  hr:\n    type: table\n    path: company.xlsx\n    sheet: Employes",
)
