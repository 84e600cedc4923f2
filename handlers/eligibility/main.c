#include "eligibility/eligibility.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &eligibility_service);
}
