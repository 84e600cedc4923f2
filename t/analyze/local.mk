# `make analyze`: three analysers over every C file; see analyze.sh. `make coverage`: see coverage.sh.
EXTRA_DIST += t/analyze/analyze.sh t/analyze/coverage.sh t/analyze/cppcheck.txt t/analyze/cppcheck.h .clang-tidy
.PHONY: analyze coverage
analyze:
	@CC='$(ANALYZE_CC)' TELERX_SOURCE='$(abs_top_srcdir)' '$(abs_top_srcdir)/t/analyze/analyze.sh' $(FILES)
# Not ccache or another wrapper: nothing is compiled.
ANALYZE_CC = gcc
# What the tests run so far in this build, which was configured with --enable-coverage; `./telerx check --coverage` does all of it.
coverage:
	@'$(abs_top_srcdir)/t/analyze/coverage.sh' '$(abs_top_builddir)'
