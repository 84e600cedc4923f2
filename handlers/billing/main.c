#include "billing/billing.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &billing_service);
}
