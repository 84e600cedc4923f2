#include "intake/intake.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &intake_service);
}
