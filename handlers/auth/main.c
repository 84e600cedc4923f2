#include "auth/auth.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &auth_service);
}
