// The page's two languages.

export const words = {
  en: {
    locale: 'en-GB', other: 'Tiếng Việt',
    on: 'live', off: 'connecting…',
    revenue: 'Revenue', orders: 'Orders', average: 'Average order', hour: 'Revenue this hour (UTC)',
    cities: 'Revenue by city', city: 'City', products: 'Orders by product', product: 'Product',
    trends: 'Trends', alerts: 'Latest alerts', none: 'none yet', asOf: 'as of',
    time: 'Time', severity: 'Severity', message: 'Message', user: 'User',
    change: 'Change', score: 'Surprise', last: 'last', '5m': '5 minutes', '1h': '1 hour',
  },
  vi: {
    locale: 'vi-VN', other: 'English',
    on: 'trực tuyến', off: 'đang kết nối…',
    revenue: 'Doanh thu', orders: 'Số đơn', average: 'Trung bình mỗi đơn', hour: 'Doanh thu giờ này (UTC)',
    cities: 'Doanh thu theo thành phố', city: 'Thành phố', products: 'Số đơn theo sản phẩm', product: 'Sản phẩm',
    trends: 'Xu hướng', alerts: 'Cảnh báo mới nhất', none: 'chưa có', asOf: 'tính đến',
    time: 'Thời gian', severity: 'Mức độ', message: 'Nội dung', user: 'Người dùng',
    change: 'Thay đổi', score: 'Bất thường', last: 'trong', '5m': '5 phút qua', '1h': '1 giờ qua',
  },
};
