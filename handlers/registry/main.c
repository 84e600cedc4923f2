#include "registry/registry.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &registry_service);
}
