#include "adjudication/adjudication.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &adjudication_service);
}
