# The service tests' world. Tests include it as "harness/harness.h".
AM_CPPFLAGS += -I$(top_srcdir)/t
