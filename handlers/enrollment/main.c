#include "enrollment/enrollment.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &enrollment_service);
}
