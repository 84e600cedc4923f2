# Checks of the sources themselves; each prints what is wrong with file and line. lint.sh is what they share.
lint = t/lint/layering.sh t/lint/sizes.sh t/lint/banned.sh t/lint/headers.sh t/lint/routes.sh t/lint/config.sh t/lint/failpoints.sh t/lint/migrations.sh \
	t/lint/services.sh t/lint/strangers.sh t/lint/shell.sh
lint_tests += $(lint)
EXTRA_DIST += $(lint) t/lint/lint.sh t/lint/names.awk
