#include "case/case.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &case_service);
}
