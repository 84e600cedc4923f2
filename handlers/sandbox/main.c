#include "sandbox/sandbox.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &sandbox_service);
}
