/* address_test.c: which addresses a URL that came from data may lead to (security 7, SSRF). */
#include "fcgi/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/address.h"

static const struct {
	const char *text;
	bool open;
} cases[] = {
	{ "8.8.8.8", true }, { "93.184.216.34", true }, { "172.15.255.255", true }, { "172.32.0.0", true }, { "100.63.255.255", true },
	{ "223.255.255.255", true }, { "0.0.0.0", false }, { "10.0.0.1", false }, { "100.64.0.1", false }, { "127.0.0.1", false },
	{ "127.255.255.254", false }, { "169.254.169.254", false }, { "172.16.0.1", false }, { "172.31.255.255", false },
	{ "192.168.1.1", false }, { "198.18.0.1", false }, { "224.0.0.1", false }, { "255.255.255.255", false },
	{ "2606:4700::1111", true }, { "::1", false }, { "::", false }, { "fc00::1", false }, { "fe80::1", false }, { "ff02::1", false },
	{ "::ffff:10.0.0.1", false }, { "::ffff:8.8.8.8", true }, { "64:ff9b::a00:1", false }, { "2001:db8::1", false },
	{ "2001:0:1::1", false }, { "2002:a00:1::", false }, { "2002:808:808::", true },
};

static void
a_private_address_is_closed_however_it_is_written(void **state UNUSED)
{
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
		struct sockaddr_in in = { .sin_family = AF_INET };
		bool six = strchr(cases[i].text, ':') != NULL;

		assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, cases[i].text, six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr), 1);
		if (address_is_public(six ? (const struct sockaddr *)&in6 : (const struct sockaddr *)&in) != cases[i].open)
			fail_msg("%s", cases[i].text);
	}
	assert_false(address_is_public(&(struct sockaddr){ .sa_family = AF_UNIX }));
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_private_address_is_closed_however_it_is_written) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
