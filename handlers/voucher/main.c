#include "voucher/voucher.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &voucher_service);
}
