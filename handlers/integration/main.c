#include "integration/integration.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &integration_service);
}
