#include "prescription/prescription.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &prescription_service);
}
