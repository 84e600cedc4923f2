# `make analyze`: three analysers over every C file; see analyze.sh.
EXTRA_DIST += t/analyze/analyze.sh t/analyze/cppcheck.txt t/analyze/cppcheck.h .clang-tidy
.PHONY: analyze
analyze:
	@CC='$(ANALYZE_CC)' TELERX_SOURCE='$(abs_top_srcdir)' '$(abs_top_srcdir)/t/analyze/analyze.sh' $(FILES)
# Not ccache or another wrapper: nothing is compiled.
ANALYZE_CC = gcc
