#!/bin/sh
# Functions of at most 60 lines, files of at most 600. A function's body stands between { and } in the first column.
. "${0%/*}/lint.sh"

sources door fcgi handlers t >"$work/files"
xargs awk '
	FNR == 1 { if (lines > 600) print file ":600: the file has " lines " lines"; file = FILENAME; inside = 0 }
	{ lines = FNR }
	/^{/ { inside = FNR }
	/^}/ && inside { if (FNR - inside + 1 > 60) print FILENAME ":" inside ": the function has " FNR - inside + 1 " lines"; inside = 0 }
	END { if (lines > 600) print file ":600: the file has " lines " lines" }' <"$work/files" | faults
finish
