#include "portal/portal.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &portal_service);
}
